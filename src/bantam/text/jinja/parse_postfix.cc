// What follows a value in an expression: attributes, subscripts, calls, filters and tests; and the
// targets of assignments.
#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/jinja/make_node_inl.h"

namespace bantam::jinja {
namespace {

constexpr std::string_view words_after_test[] = {"else", "or", "and",      "not",
                                                 "if",   "in", "recursive"};

}  // namespace

ExpressionPointer ExpressionParser::postfix(ExpressionPointer value) {
  for (;;) {
    if (reader_.at_op(".") || reader_.at_op("[")) {
      value = subscript(std::move(value));
    } else if (reader_.at_op("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPointer ExpressionParser::subscript(ExpressionPointer object) {
  if (reader_.skip_op(".")) {
    if (reader_.at(Token::Kind::integer)) {
      auto node = make<Item>();
      node->object = std::move(object);
      node->key = primary();
      auto& n = *node;
      return deepen(std::move(node), n.object);
    }
    auto node = make<Attribute>();
    node->name = reader_.expect_name();
    node->object = std::move(object);
    auto& n = *node;
    return deepen(std::move(node), n.object);
  }
  const int line = reader_.peek().line;
  reader_.expect_op("[");
  ExpressionPointer parts[3];
  int colons = 0;
  for (;;) {
    if (reader_.at_op("]")) break;
    if (reader_.skip_op(":")) {
      if (++colons > 2) throw reader_.fail("a slice has at most two colons");
      continue;
    }
    if (parts[colons]) throw reader_.fail("expected ':' or ']'");
    parts[colons] = expression();
  }
  reader_.expect_op("]");
  if (colons == 0) {
    if (!parts[0]) throw reader_.fail("expected a subscript, found []");
    auto node = make<Item>();
    node->line = line;
    node->object = std::move(object);
    node->key = std::move(parts[0]);
    auto& n = *node;
    return deepen(std::move(node), n.object, n.key);
  }
  auto node = make<Slice>();
  node->line = line;
  node->object = std::move(object);
  node->begin = std::move(parts[0]);
  node->end = std::move(parts[1]);
  node->step = std::move(parts[2]);
  auto& n = *node;
  return deepen(std::move(node), n.object, n.begin, n.end, n.step);
}

CallArguments ExpressionParser::call_arguments() {
  CallArguments arguments;
  reader_.expect_op("(");
  bool first = true;
  while (!reader_.at_op(")")) {
    if (!first) reader_.expect_op(",");
    first = false;
    if (reader_.at_op(")")) break;
    const bool named = reader_.at(Token::Kind::name) && reader_.peek(1).kind == Token::Kind::op &&
                       reader_.peek(1).value == "=";
    if (reader_.skip_op("**")) {
      if (arguments.more_keyword) throw reader_.fail("** appears twice in one call");
      arguments.more_keyword = expression();
    } else if (reader_.skip_op("*")) {
      if (arguments.more_positional) throw reader_.fail("* appears twice in one call");
      arguments.more_positional = expression();
    } else if (named) {
      std::string name = reader_.expect_name();
      reader_.expect_op("=");
      arguments.keyword.emplace_back(std::move(name), expression());
    } else {
      if (!arguments.keyword.empty()) {
        throw reader_.fail("an argument without a name follows one with a name");
      }
      arguments.positional.push_back(expression());
    }
  }
  reader_.expect_op(")");
  return arguments;
}

namespace {

int depth_of(const CallArguments& arguments) {
  int depth = 0;
  const auto include = [&](const ExpressionPointer& e) {
    if (e) depth = std::max(depth, e->depth);
  };
  for (const auto& e : arguments.positional) include(e);
  for (const auto& [name, e] : arguments.keyword) include(e);
  include(arguments.more_positional);
  include(arguments.more_keyword);
  return depth;
}

}  // namespace

ExpressionPointer ExpressionParser::call(ExpressionPointer function) {
  const NestingGuard guard(reader_);
  auto node = make<Call>();
  node->function = std::move(function);
  node->arguments = call_arguments();
  node->depth = depth_of(node->arguments) + 1;
  auto& n = *node;
  return deepen(std::move(node), n.function);
}

ExpressionPointer ExpressionParser::filters_and_tests(ExpressionPointer value) {
  for (;;) {
    if (reader_.skip_op("|")) {
      value = filter(std::move(value));
    } else if (reader_.at_name("is")) {
      value = test(std::move(value));
    } else if (reader_.at_op("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

std::unique_ptr<Filter> ExpressionParser::filter(ExpressionPointer input) {
  const NestingGuard guard(reader_);
  auto node = make<Filter>();
  node->name = reader_.expect_name();
  while (reader_.skip_op(".")) node->name += "." + reader_.expect_name();
  if (!find_filter(node->name)) {
    throw reader_.fail(fmt::format("no filter named '{}'; known are {}", escaped(node->name),
                                   fmt::join(filter_names(), ", ")));
  }
  node->input = std::move(input);
  if (reader_.at_op("(")) node->arguments = call_arguments();
  node->depth = depth_of(node->arguments) + 1;
  auto& n = *node;
  return deepen(std::move(node), n.input);
}

ExpressionPointer ExpressionParser::test(ExpressionPointer input) {
  const NestingGuard guard(reader_);
  auto node = make<Test>();
  reader_.next();  // is
  node->negated = reader_.skip_name("not");
  node->name = reader_.expect_name();
  while (reader_.skip_op(".")) node->name += "." + reader_.expect_name();
  if (!find_test(node->name)) {
    throw reader_.fail(fmt::format("no test named '{}'; known are {}", escaped(node->name),
                                   fmt::join(test_names(), ", ")));
  }
  node->input = std::move(input);
  const Token& token = reader_.peek();
  const bool operand = token.kind == Token::Kind::string || token.kind == Token::Kind::integer ||
                       token.kind == Token::Kind::real || reader_.at_op("[") ||
                       reader_.at_op("{") ||
                       (token.kind == Token::Kind::name &&
                        std::find(std::begin(words_after_test), std::end(words_after_test),
                                  token.value) == std::end(words_after_test));
  if (reader_.at_op("(")) {
    node->arguments = call_arguments();
  } else if (operand) {
    if (reader_.at_name("is")) throw reader_.fail("tests cannot be chained with 'is'");
    node->arguments.positional.push_back(postfix(primary()));
  }
  node->depth = depth_of(node->arguments) + 1;
  auto& n = *node;
  return deepen(std::move(node), n.input);
}

Target ExpressionParser::target(bool with_attribute) {
  const auto single = [&]() -> Target {
    const NestingGuard guard(reader_);
    if (reader_.skip_op("(")) {
      Target inner = target(false);
      reader_.expect_op(")");
      return inner;
    }
    Target result;
    result.name = reader_.expect_name();
    for (const std::string_view word : {"true", "false", "none", "True", "False", "None"}) {
      if (result.name == word) throw reader_.fail(fmt::format("cannot assign to '{}'", word));
    }
    if (with_attribute && reader_.skip_op(".")) result.attribute = reader_.expect_name();
    return result;
  };
  Target first = single();
  if (!reader_.at_op(",")) return first;
  Target all;
  all.parts.push_back(std::move(first));
  while (reader_.skip_op(",")) {
    if (reader_.at_name("in") || reader_.at_op(")") || reader_.at_op("=")) break;
    all.parts.push_back(single());
  }
  return all;
}

}  // namespace bantam::jinja
