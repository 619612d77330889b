// The tree of a parsed template. Nodes evaluate themselves (expression.cc, statement.cc).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bantam/text/jinja/context.h"
#include "bantam/text/jinja/value.h"

namespace bantam::jinja {

struct Expression {
  int line = 0;
  int depth = 1;  ///< of the tree below; the parser bounds it
  virtual ~Expression() = default;
  Value evaluate(Context& context) const {
    const DepthGuard guard(context);
    context.line = line;
    return compute(context);
  }

 private:
  virtual Value compute(Context& context) const = 0;
};
using ExpressionPointer = std::unique_ptr<Expression>;

/// What a `{% break %}` or `{% continue %}` inside a statement asks of the loop around it.
enum class Flow { next, break_loop, continue_loop };

struct Statement {
  int line = 0;
  virtual ~Statement() = default;
  Flow execute(Context& context) const {
    const DepthGuard guard(context);
    context.line = line;
    return run(context);
  }

 private:
  virtual Flow run(Context& context) const = 0;
};
using StatementPointer = std::unique_ptr<Statement>;
using Body = std::vector<StatementPointer>;

Flow execute_all(const Body& body, Context& context);
/// Executes with the output going into a string of its own.
Text capture(const Body& body, Context& context);

// ---- expressions

struct Constant : Expression {
  Value value;
  Value compute(Context&) const override { return value; }
};
struct Name : Expression {
  std::string name;
  Value compute(Context& context) const override { return context.lookup(name); }
};
struct Attribute : Expression {  // a.b
  ExpressionPointer object;
  std::string name;
  Value compute(Context& context) const override;
};
struct Item : Expression {  // a[b]
  ExpressionPointer object, key;
  Value compute(Context& context) const override;
};
struct Slice : Expression {  // a[b:c:d]
  ExpressionPointer object, begin, end, step;
  Value compute(Context& context) const override;
};
struct CallArguments {
  std::vector<ExpressionPointer> positional;
  std::vector<std::pair<std::string, ExpressionPointer>> keyword;
  ExpressionPointer more_positional, more_keyword;  // *a, **b
  Arguments evaluate(Context& context) const;
};
struct Call : Expression {
  ExpressionPointer function;
  CallArguments arguments;
  Value compute(Context& context) const override;
};
struct Filter : Expression {
  ExpressionPointer input;
  std::string name;
  CallArguments arguments;
  Value compute(Context& context) const override;
};
struct Test : Expression {
  ExpressionPointer input;
  std::string name;
  CallArguments arguments;
  bool negated = false;
  Value compute(Context& context) const override;
};
struct Unary : Expression {
  enum class Op { negative, positive, logical_not };
  Op op{};
  ExpressionPointer operand;
  Value compute(Context& context) const override;
};
struct Binary : Expression {
  enum class Op { add, subtract, multiply, divide, floor_divide, modulo, power };
  Op op{};
  ExpressionPointer left, right;
  Value compute(Context& context) const override;
};
struct Logical : Expression {  // and, or
  bool is_and = false;
  ExpressionPointer left, right;
  Value compute(Context& context) const override;
};
struct Concatenation : Expression {  // a ~ b ~ c
  std::vector<ExpressionPointer> parts;
  Value compute(Context& context) const override;
};
struct Comparison : Expression {  // a < b <= c
  enum class Op { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };
  ExpressionPointer first;
  std::vector<std::pair<Op, ExpressionPointer>> rest;
  Value compute(Context& context) const override;
};
struct Conditional : Expression {  // a if b else c
  ExpressionPointer condition, yes, no;
  Value compute(Context& context) const override;
};
struct ListLiteral : Expression {
  bool tuple = false;
  std::vector<ExpressionPointer> items;
  Value compute(Context& context) const override;
};
struct DictLiteral : Expression {
  std::vector<std::pair<ExpressionPointer, ExpressionPointer>> items;
  Value compute(Context& context) const override;
};

/// Where `set` and `for` put values: a name, names to unpack into, or an attribute of a namespace.
struct Target {
  std::string name;
  std::string attribute;      // of `name`, if not empty
  std::vector<Target> parts;  // if not empty: unpack
  void assign(Context& context, const Value& value) const;
};

// ---- statements

struct Data : Statement {
  std::string text;
  Flow run(Context& context) const override;
};
struct Print : Statement {
  ExpressionPointer value;
  Flow run(Context& context) const override;
};
struct If : Statement {
  std::vector<std::pair<ExpressionPointer, Body>> branches;
  Body otherwise;
  Flow run(Context& context) const override;
};
struct For : Statement {
  Target target;
  ExpressionPointer items, condition;
  Body body, otherwise;
  bool recursive = false;
  Flow run(Context& context) const override;
  Flow run_over(Context& context, const Value& value, int depth) const;
};
struct Set : Statement {
  Target target;
  ExpressionPointer value;
  Flow run(Context& context) const override;
};
struct SetBlock : Statement {
  Target target;
  Body body;
  std::vector<std::unique_ptr<Filter>> filters;  // their inputs are empty
  Flow run(Context& context) const override;
};
struct Macro : Statement {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPointer> defaults;  // of the last parameters
  Body body;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
  Flow run(Context& context) const override;
  Value bind(Context& context) const;
  Value call(Context& context, const std::shared_ptr<Scope>& home, const Arguments& given) const;
};
struct CallBlock : Statement {  // {% call f() %}body{% endcall %}
  std::unique_ptr<Macro> caller;
  std::unique_ptr<Call> call;
  Flow run(Context& context) const override;
};
struct FilterBlock : Statement {
  std::vector<std::unique_ptr<Filter>> filters;
  Body body;
  Flow run(Context& context) const override;
};
struct With : Statement {
  std::vector<std::pair<Target, ExpressionPointer>> variables;
  Body body;
  Flow run(Context& context) const override;
};
struct Generation : Statement {
  Body body;
  Flow run(Context& context) const override;
};
struct LoopControl : Statement {
  Flow flow{};
  Flow run(Context&) const override { return flow; }
};

// ---- what expressions call (access.cc, operators.cc, filters.cc, tests.cc)

Value attribute_of(const Value& object, const std::string& name);
Value item_of(const Value& object, const Value& key);
Value slice_of(const Value& object, const Value& begin, const Value& end, const Value& step);
Value call_value(Context& context, const Value& function, const Arguments& arguments);
/// A method of str, dict or list, bound to `object`; nullptr-like Undefined is never returned,
/// nothing is.
std::optional<Value> method_of(const Value& object, std::string_view name);
Value binary(Context& context, Binary::Op op, const Value& left, const Value& right);
bool compare(Comparison::Op op, const Value& left, const Value& right);

using FilterFunction = Value (*)(Context&, const Value& input, const Arguments&);
using TestFunction = bool (*)(Context&, const Value& input, const Arguments&);
FilterFunction find_filter(std::string_view name);  // nullptr if there is none
TestFunction find_test(std::string_view name);
/// All names, for messages.
std::vector<std::string_view> filter_names();
std::vector<std::string_view> test_names();

}  // namespace bantam::jinja
