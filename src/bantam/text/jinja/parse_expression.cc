#include <charconv>

#include "bantam/base/error.h"
#include "bantam/text/jinja/make_node_inl.h"

namespace bantam::jinja {

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

}  // namespace bantam::jinja
