// Builds the tree of a template from its tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/text/jinja/lexer.h"
#include "bantam/text/jinja/syntax.h"

namespace bantam::jinja {

/// Throws Error(input) naming the line: bad syntax, an unknown filter, test or tag, nesting deeper
/// than 100.
Body parse_template(std::string_view source);

/// The reading position, and the limits that all parsing shares.
class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token next();
  bool at(Token::Kind kind) const { return peek().kind == kind; }
  bool at_op(std::string_view op) const { return at(Token::Kind::op) && peek().value == op; }
  bool at_name(std::string_view name) const {
    return at(Token::Kind::name) && peek().value == name;
  }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_op(std::string_view op);
  void expect(Token::Kind kind, std::string_view what);
  std::string expect_name();

  Error fail(std::string message) const;

  int nesting = 0;

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

class NestingGuard {
 public:
  explicit NestingGuard(TokenReader& reader);
  ~NestingGuard() { --reader_.nesting; }
  NestingGuard(const NestingGuard&) = delete;
  NestingGuard& operator=(const NestingGuard&) = delete;

 private:
  TokenReader& reader_;
};

/// Parses expressions, with jinja2's precedence.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenReader& reader) : reader_(reader) {}

  ExpressionPointer expression(bool with_conditional = true);
  /// One expression, or several with commas: a tuple. `end` is a name that ends it too ("" if
  /// none).
  ExpressionPointer expressions(bool with_conditional = true, std::string_view end = "");
  Target target(bool with_attribute);
  CallArguments call_arguments();
  /// name and arguments, after '|' or the word `filter`.
  std::unique_ptr<Filter> filter(ExpressionPointer input);
  ExpressionPointer unary(bool with_filters = true);

 private:
  ExpressionPointer conditional();
  ExpressionPointer logical_or();
  ExpressionPointer logical_and();
  ExpressionPointer logical_not();
  ExpressionPointer comparison();
  ExpressionPointer sum();
  ExpressionPointer concatenation();
  ExpressionPointer product();
  ExpressionPointer power();
  ExpressionPointer primary();
  ExpressionPointer parenthesized();
  ExpressionPointer list_literal();
  ExpressionPointer dict_literal();
  ExpressionPointer postfix(ExpressionPointer value);
  ExpressionPointer subscript(ExpressionPointer object);
  ExpressionPointer call(ExpressionPointer function);
  ExpressionPointer filters_and_tests(ExpressionPointer value);
  ExpressionPointer test(ExpressionPointer input);
  bool at_end_of_tuple(std::string_view end) const;

  template <class T>
  std::unique_ptr<T> make() const;
  /// Sets the depth of a finished node from its children.
  template <class T, class... Children>
  std::unique_ptr<T> deepen(std::unique_ptr<T> node, const Children&... children) const;
  ExpressionPointer binary_node(Binary::Op op, ExpressionPointer left, ExpressionPointer right);

  TokenReader& reader_;
};

}  // namespace bantam::jinja
