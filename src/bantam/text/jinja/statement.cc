// Execution of statements.
#include <fmt/format.h>

#include <algorithm>

#include "bantam/text/jinja/syntax.h"

namespace bantam::jinja {
namespace {

/// Sends output elsewhere for as long as it lives.
class OutputGuard {
 public:
  OutputGuard(Context& context, TextBuilder* out) : context_(context), outer_(context.out) {
    context.out = out;
  }
  ~OutputGuard() { context_.out = outer_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;

 private:
  Context& context_;
  TextBuilder* outer_;
};

Text filtered(Context& context, const std::vector<std::unique_ptr<Filter>>& filters, Text text) {
  Value value = Value::text(std::move(text));
  for (const auto& filter : filters) {
    const Arguments given = filter->arguments.evaluate(context);
    value = find_filter(filter->name)(context, value, given);
  }
  return to_text(value);
}

void print(Context& context, const Text& text) {
  context.make_bytes(text.bytes.size());
  context.out->append(text);
  if (context.out->size() > context.limits.output) {
    throw Fault{fmt::format("the output is longer than {} bytes", context.limits.output)};
  }
}

}  // namespace

Flow execute_all(const Body& body, Context& context) {
  for (const auto& statement : body) {
    const Flow flow = statement->execute(context);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Text capture(const Body& body, Context& context) {
  TextBuilder builder;
  const OutputGuard guard(context, &builder);
  execute_all(body, context);
  return builder.take();
}

Flow Data::run(Context& context) const {
  print(context, {text, {}});
  return Flow::next;
}

Flow Print::run(Context& context) const {
  print(context, to_text(value->evaluate(context)));
  return Flow::next;
}

Flow If::run(Context& context) const {
  for (const auto& [condition, body] : branches) {
    if (truth(condition->evaluate(context))) return execute_all(body, context);
  }
  return execute_all(otherwise, context);
}

Flow For::run(Context& context) const { return run_over(context, items->evaluate(context), 0); }

Flow For::run_over(Context& context, const Value& value, int depth) const {
  context.line = line;
  const auto loop = std::make_shared<Loop>();
  loop->depth = depth;
  Items all = iterate(value);
  context.step(static_cast<std::int64_t>(all.size()) / 8);
  if (condition) {
    for (Value& item : all) {
      const ScopeGuard guard(context);
      target.assign(context, item);
      if (truth(condition->evaluate(context))) loop->items.push_back(std::move(item));
    }
  } else {
    loop->items = std::move(all);
  }
  // What loop.changed() saw may hold the loop itself.
  const struct Release {
    Loop& loop;
    ~Release() { loop.last_changed.clear(); }
  } release{*loop};
  if (recursive) {
    loop->recurse = [this, depth, outer = std::weak_ptr<Scope>(context.scope)](
                        Context& inner, const Value& nested) {
      TextBuilder builder;
      const OutputGuard output(inner, &builder);
      const ScopeGuard guard(inner, outer.lock());
      run_over(inner, nested, depth + 1);
      return Value::text(builder.take());
    };
  }
  for (loop->index = 0; loop->index < loop->items.size(); ++loop->index) {
    const ScopeGuard guard(context);
    context.set("loop", Value(Value::Data(loop)));
    target.assign(context, loop->items[loop->index]);
    if (execute_all(body, context) == Flow::break_loop) return Flow::next;
  }
  if (!loop->items.empty()) return Flow::next;
  const ScopeGuard guard(context);
  return execute_all(otherwise, context);
}

Flow Set::run(Context& context) const {
  target.assign(context, value->evaluate(context));
  return Flow::next;
}

Flow SetBlock::run(Context& context) const {
  Text text;
  {
    const ScopeGuard guard(context);
    text = capture(body, context);
  }
  target.assign(context, Value::text(filtered(context, filters, std::move(text))));
  return Flow::next;
}

Flow Macro::run(Context& context) const {
  context.set(name, bind(context));
  return Flow::next;
}

Value Macro::bind(Context& context) const {
  // The scope holds the macro, so the macro must not own the scope; the context keeps it.
  std::weak_ptr<Scope> home = context.capture_scope();
  return Value::function(name, [this, home](Context& caller, const Arguments& given) {
    return call(caller, home.lock(), given);
  });
}

Value Macro::call(Context& context, const std::shared_ptr<Scope>& home,
                  const Arguments& given) const {
  if (context.macro_depth >= context.limits.depth) {
    throw Fault{fmt::format("macro '{}' called deeper than {}", name, context.limits.depth)};
  }
  const struct Count {
    int& depth;
    ~Count() { --depth; }
  } count{++context.macro_depth};
  const ScopeGuard guard(context, home);
  auto keyword = given.keyword;
  const auto take = [&](std::string_view key) -> std::optional<Value> {
    for (auto at = keyword.begin(); at != keyword.end(); ++at) {
      if (at->first != key) continue;
      Value value = std::move(at->second);
      keyword.erase(at);
      return value;
    }
    return std::nullopt;
  };
  const std::size_t required = parameters.size() - defaults.size();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::optional<Value> value;
    if (i < given.positional.size()) {
      value = given.positional[i];
    } else {
      value = take(parameters[i]);
    }
    if (!value) {
      value = i >= required
                  ? defaults[i - required]->evaluate(context)
                  : Value::undefined(fmt::format("parameter '{}' was not provided", parameters[i]));
    }
    context.set(parameters[i], *value);
  }
  const bool caller_is_parameter =
      std::find(parameters.begin(), parameters.end(), "caller") != parameters.end();
  if (uses_caller && !caller_is_parameter) {
    context.set("caller", take("caller").value_or(Value::undefined("No caller defined")));
  }
  if (uses_kwargs) {
    Dict rest;
    for (auto& [key, value] : keyword) rest.set(key, std::move(value));
    context.set("kwargs", Value::dict(std::move(rest)));
  } else if (!keyword.empty()) {
    throw Fault{fmt::format("macro '{}' takes no keyword argument '{}'", name, keyword[0].first)};
  }
  Items rest;
  if (given.positional.size() > parameters.size()) {
    rest.assign(given.positional.begin() + static_cast<std::ptrdiff_t>(parameters.size()),
                given.positional.end());
  }
  if (uses_varargs) {
    context.set("varargs", Value::tuple(std::move(rest)));
  } else if (!rest.empty()) {
    throw Fault{
        fmt::format("macro '{}' takes not more than {} argument(s)", name, parameters.size())};
  }
  return Value::text(capture(body, context));
}

Flow CallBlock::run(Context& context) const {
  const Value function = call->function->evaluate(context);
  Arguments given = call->arguments.evaluate(context);
  given.keyword.emplace_back("caller", caller->bind(context));
  print(context, to_text(call_value(context, function, given)));
  return Flow::next;
}

Flow FilterBlock::run(Context& context) const {
  Text text;
  {
    const ScopeGuard guard(context);
    text = capture(body, context);
  }
  print(context, filtered(context, filters, std::move(text)));
  return Flow::next;
}

Flow With::run(Context& context) const {
  Items values;
  for (const auto& [target, value] : variables) values.push_back(value->evaluate(context));
  const ScopeGuard guard(context);
  for (std::size_t i = 0; i < values.size(); ++i) variables[i].first.assign(context, values[i]);
  return execute_all(body, context);
}

Flow Generation::run(Context& context) const {
  const ScopeGuard guard(context);
  const auto begin = static_cast<std::uint32_t>(context.out->size());
  const Flow flow = execute_all(body, context);
  // Inside a captured text the place on the page is not known.
  if (context.out == context.page) {
    context.generated.emplace_back(begin, static_cast<std::uint32_t>(context.out->size()));
  }
  return flow;
}

}  // namespace bantam::jinja
