#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "bantam/base/error.h"
#include "bantam/text/jinja/parser.h"

namespace bantam::jinja {
namespace {

// Longer chains of operators do not occur; deeper trees would need more stack than a thread has.
constexpr int tree_depth_limit = 400;

constexpr std::string_view words_after_test[] = {"else", "or", "and",      "not",
                                                 "if",   "in", "recursive"};

}  // namespace

template <class T>
std::unique_ptr<T> ExpressionParser::make() const {
  auto node = std::make_unique<T>();
  node->line = reader_.peek().line;
  return node;
}

template <class T, class... Children>
std::unique_ptr<T> ExpressionParser::deepen(std::unique_ptr<T> node,
                                            const Children&... children) const {
  const auto include = [&](const ExpressionPointer& child) {
    if (child) node->depth = std::max(node->depth, child->depth + 1);
  };
  (include(children), ...);
  if (node->depth > tree_depth_limit) {
    throw reader_.fail(fmt::format("expression deeper than {}", tree_depth_limit));
  }
  return node;
}

ExpressionPointer ExpressionParser::expression(bool with_conditional) {
  const NestingGuard guard(reader_);
  return with_conditional ? conditional() : logical_or();
}

ExpressionPointer ExpressionParser::conditional() {
  ExpressionPointer value = logical_or();
  while (reader_.skip_name("if")) {
    auto node = make<Conditional>();
    node->condition = logical_or();
    node->yes = std::move(value);
    if (reader_.skip_name("else")) {
      const NestingGuard guard(reader_);
      node->no = conditional();
    }
    auto& n = *node;
    value = deepen(std::move(node), n.condition, n.yes, n.no);
  }
  return value;
}

ExpressionPointer ExpressionParser::logical_or() {
  ExpressionPointer left = logical_and();
  while (reader_.skip_name("or")) {
    auto node = make<Logical>();
    node->left = std::move(left);
    node->right = logical_and();
    auto& n = *node;
    left = deepen(std::move(node), n.left, n.right);
  }
  return left;
}

ExpressionPointer ExpressionParser::logical_and() {
  ExpressionPointer left = logical_not();
  while (reader_.skip_name("and")) {
    auto node = make<Logical>();
    node->is_and = true;
    node->left = std::move(left);
    node->right = logical_not();
    auto& n = *node;
    left = deepen(std::move(node), n.left, n.right);
  }
  return left;
}

ExpressionPointer ExpressionParser::logical_not() {
  if (!reader_.at_name("not")) return comparison();
  const NestingGuard guard(reader_);
  auto node = make<Unary>();
  reader_.next();
  node->op = Unary::Op::logical_not;
  node->operand = logical_not();
  auto& n = *node;
  return deepen(std::move(node), n.operand);
}

ExpressionPointer ExpressionParser::comparison() {
  ExpressionPointer first = sum();
  auto node = make<Comparison>();
  using Op = Comparison::Op;
  static constexpr std::pair<std::string_view, Op> ops[] = {
      {"==", Op::equal},      {"!=", Op::not_equal}, {"<", Op::less},
      {"<=", Op::less_equal}, {">", Op::greater},    {">=", Op::greater_equal}};
  for (;;) {
    const auto op = std::find_if(std::begin(ops), std::end(ops),
                                 [&](const auto& entry) { return reader_.at_op(entry.first); });
    if (op != std::end(ops)) {
      reader_.next();
      node->rest.emplace_back(op->second, sum());
    } else if (reader_.skip_name("in")) {
      node->rest.emplace_back(Op::in, sum());
    } else if (reader_.at_name("not") && reader_.peek(1).kind == Token::Kind::name &&
               reader_.peek(1).value == "in") {
      reader_.next();
      reader_.next();
      node->rest.emplace_back(Op::not_in, sum());
    } else {
      break;
    }
    auto& n = *node;
    node = deepen(std::move(node), n.rest.back().second);
  }
  if (node->rest.empty()) return first;
  node->first = std::move(first);
  auto& n = *node;
  return deepen(std::move(node), n.first);
}

ExpressionPointer ExpressionParser::binary_node(Binary::Op op, ExpressionPointer left,
                                                ExpressionPointer right) {
  auto node = make<Binary>();
  node->op = op;
  node->left = std::move(left);
  node->right = std::move(right);
  auto& n = *node;
  return deepen(std::move(node), n.left, n.right);
}

ExpressionPointer ExpressionParser::sum() {
  ExpressionPointer left = concatenation();
  for (;;) {
    if (reader_.skip_op("+")) {
      left = binary_node(Binary::Op::add, std::move(left), concatenation());
    } else if (reader_.skip_op("-")) {
      left = binary_node(Binary::Op::subtract, std::move(left), concatenation());
    } else {
      return left;
    }
  }
}

ExpressionPointer ExpressionParser::concatenation() {
  ExpressionPointer first = product();
  if (!reader_.at_op("~")) return first;
  auto node = make<Concatenation>();
  node->parts.push_back(std::move(first));
  while (reader_.skip_op("~")) node->parts.push_back(product());
  for (std::size_t i = 0; i < node->parts.size(); ++i) {
    auto& part = node->parts[i];
    node = deepen(std::move(node), part);
  }
  return node;
}

ExpressionPointer ExpressionParser::product() {
  ExpressionPointer left = power();
  using Op = Binary::Op;
  static constexpr std::pair<std::string_view, Op> ops[] = {
      {"*", Op::multiply}, {"/", Op::divide}, {"//", Op::floor_divide}, {"%", Op::modulo}};
  for (;;) {
    const auto op = std::find_if(std::begin(ops), std::end(ops),
                                 [&](const auto& entry) { return reader_.at_op(entry.first); });
    if (op == std::end(ops)) return left;
    reader_.next();
    left = binary_node(op->second, std::move(left), power());
  }
}

ExpressionPointer ExpressionParser::power() {
  ExpressionPointer left = unary();
  while (reader_.skip_op("**")) {
    left = binary_node(Binary::Op::power, std::move(left), unary());
  }
  return left;
}

ExpressionPointer ExpressionParser::unary(bool with_filters) {
  ExpressionPointer value;
  if (reader_.at_op("-") || reader_.at_op("+")) {
    const NestingGuard guard(reader_);
    auto node = make<Unary>();
    node->op = reader_.next().value == "-" ? Unary::Op::negative : Unary::Op::positive;
    node->operand = unary(false);
    auto& n = *node;
    value = deepen(std::move(node), n.operand);
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPointer ExpressionParser::primary() {
  const Token& token = reader_.peek();
  if (token.kind == Token::Kind::op) {
    if (token.value == "(") return parenthesized();
    if (token.value == "[") return list_literal();
    if (token.value == "{") return dict_literal();
    throw reader_.fail(fmt::format("unexpected '{}'", token.value));
  }
  auto constant = make<Constant>();
  switch (token.kind) {
    case Token::Kind::string: {
      std::string text;
      while (reader_.at(Token::Kind::string)) text += reader_.next().value;
      constant->value = Value::text(text);
      return constant;
    }
    case Token::Kind::integer: {
      std::int64_t value = 0;
      std::from_chars(token.value.data(), token.value.data() + token.value.size(), value);
      constant->value = Value::integer(value);
      reader_.next();
      return constant;
    }
    case Token::Kind::real: {
      double value = 0;
      std::from_chars(token.value.data(), token.value.data() + token.value.size(), value);
      constant->value = Value::real(value);
      reader_.next();
      return constant;
    }
    case Token::Kind::name: {
      const std::string name = reader_.next().value;
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        constant->value = Value::boolean(name[0] == 't' || name[0] == 'T');
        return constant;
      }
      if (name == "none" || name == "None") return constant;
      auto node = make<Name>();
      node->line = constant->line;
      node->name = name;
      return node;
    }
    default:
      throw reader_.fail("expected an expression");
  }
}

ExpressionPointer ExpressionParser::parenthesized() {
  auto empty = make<ListLiteral>();
  reader_.expect_op("(");
  if (reader_.skip_op(")")) {
    empty->tuple = true;
    return empty;
  }
  ExpressionPointer value = expressions();
  reader_.expect_op(")");
  return value;
}

bool ExpressionParser::at_end_of_tuple(std::string_view end) const {
  return reader_.at(Token::Kind::variable_end) || reader_.at(Token::Kind::block_end) ||
         reader_.at_op(")") || (!end.empty() && reader_.at_name(end));
}

ExpressionPointer ExpressionParser::expressions(bool with_conditional, std::string_view end) {
  ExpressionPointer first = expression(with_conditional);
  if (!reader_.at_op(",")) return first;
  auto node = make<ListLiteral>();
  node->tuple = true;
  node->items.push_back(std::move(first));
  while (reader_.skip_op(",")) {
    if (at_end_of_tuple(end)) break;
    node->items.push_back(expression(with_conditional));
  }
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    auto& item = node->items[i];
    node = deepen(std::move(node), item);
  }
  return node;
}

ExpressionPointer ExpressionParser::list_literal() {
  auto node = make<ListLiteral>();
  reader_.expect_op("[");
  while (!reader_.at_op("]")) {
    if (!node->items.empty()) reader_.expect_op(",");
    if (reader_.at_op("]")) break;
    node->items.push_back(expression());
    auto& item = node->items.back();
    node = deepen(std::move(node), item);
  }
  reader_.expect_op("]");
  return node;
}

ExpressionPointer ExpressionParser::dict_literal() {
  auto node = make<DictLiteral>();
  reader_.expect_op("{");
  while (!reader_.at_op("}")) {
    if (!node->items.empty()) reader_.expect_op(",");
    if (reader_.at_op("}")) break;
    ExpressionPointer key = expression();
    reader_.expect_op(":");
    node->items.emplace_back(std::move(key), expression());
    auto& item = node->items.back();
    node = deepen(std::move(node), item.first, item.second);
  }
  reader_.expect_op("}");
  return node;
}

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
