// Evaluation of expressions.
#include <fmt/format.h>

#include "bantam/text/jinja/syntax.h"

namespace bantam::jinja {

Value Attribute::compute(Context& context) const {
  const Value value = object->evaluate(context);
  context.line = line;
  return attribute_of(value, name);
}

Value Item::compute(Context& context) const {
  const Value container = object->evaluate(context);
  const Value index = key->evaluate(context);
  context.line = line;
  return item_of(container, index);
}

Value Slice::compute(Context& context) const {
  const auto part = [&](const ExpressionPointer& e) { return e ? e->evaluate(context) : Value(); };
  const Value container = object->evaluate(context);
  const Value from = part(begin), to = part(end), by = part(step);
  context.line = line;
  if (const Text* text = container.as_text()) context.make_bytes(text->bytes.size());
  if (const Sequence* s = container.as_sequence()) {
    context.step(static_cast<std::int64_t>(s->items.size()));
  }
  return slice_of(container, from, to, by);
}

Arguments CallArguments::evaluate(Context& context) const {
  Arguments arguments;
  for (const auto& expression : positional) {
    arguments.positional.push_back(expression->evaluate(context));
  }
  for (const auto& [name, expression] : keyword) {
    arguments.keyword.emplace_back(name, expression->evaluate(context));
  }
  if (more_positional) {
    for (Value& item : iterate(more_positional->evaluate(context))) {
      context.step();
      arguments.positional.push_back(std::move(item));
    }
  }
  if (more_keyword) {
    const Value value = more_keyword->evaluate(context);
    const Dict* dict = value.as_dict();
    if (!dict)
      throw Fault{fmt::format("argument after ** must be a dict, not {}", value.type_name())};
    for (const auto& [key, item] : dict->items) {
      context.step();
      if (!key.as_text()) throw Fault{"keywords must be strings"};
      arguments.keyword.emplace_back(key.as_text()->bytes, item);
    }
  }
  return arguments;
}

Value call_value(Context& context, const Value& function, const Arguments& arguments) {
  if (const auto* callable = function.as<std::shared_ptr<const Function>>()) {
    return (*callable)->body(context, arguments);
  }
  if (const auto* undefined = function.as<Undefined>()) throw Fault{*undefined->why};
  const auto* loop = function.as<std::shared_ptr<Loop>>();
  if (loop && (*loop)->recurse && arguments.positional.size() == 1) {
    const auto held = *loop;  // the loop variable may be replaced meanwhile
    return held->recurse(context, arguments.positional[0]);
  }
  throw Fault{fmt::format("'{}' object is not callable", function.type_name())};
}

Value Call::compute(Context& context) const {
  const Value callee = function->evaluate(context);
  const Arguments given = arguments.evaluate(context);
  context.line = line;
  return call_value(context, callee, given);
}

Value Filter::compute(Context& context) const {
  const Value value = input->evaluate(context);
  const Arguments given = arguments.evaluate(context);
  context.line = line;
  return find_filter(name)(context, value, given);
}

Value Test::compute(Context& context) const {
  const Value value = input->evaluate(context);
  const Arguments given = arguments.evaluate(context);
  context.line = line;
  return Value::boolean(find_test(name)(context, value, given) != negated);
}

Value Unary::compute(Context& context) const {
  const Value value = operand->evaluate(context);
  context.line = line;
  if (op == Op::logical_not) return Value::boolean(!truth(value));
  if (const auto* undefined = value.as<Undefined>()) throw Fault{*undefined->why};
  const bool negate = op == Op::negative;
  if (const auto integer = value.as_integer()) {
    if (negate && *integer == INT64_MIN) throw Fault{"integer too large"};
    return Value::integer(negate ? -*integer : *integer);
  }
  if (const auto* real = value.as<double>()) return Value::real(negate ? -*real : *real);
  throw Fault{
      fmt::format("bad operand type for unary {}: '{}'", negate ? "-" : "+", value.type_name())};
}

Value Binary::compute(Context& context) const {
  const Value a = left->evaluate(context);
  const Value b = right->evaluate(context);
  context.line = line;
  return binary(context, op, a, b);
}

Value Logical::compute(Context& context) const {
  Value a = left->evaluate(context);
  return truth(a) == is_and ? right->evaluate(context) : a;
}

Value Concatenation::compute(Context& context) const {
  TextBuilder builder;
  for (const auto& part : parts) {
    builder.append(to_text(part->evaluate(context)));
    context.make_bytes(builder.size());
  }
  return Value::text(builder.take());
}

Value Comparison::compute(Context& context) const {
  Value a = first->evaluate(context);
  for (const auto& [op, expression] : rest) {
    Value b = expression->evaluate(context);
    context.line = line;
    if (!compare(op, a, b)) return Value::boolean(false);
    a = std::move(b);
  }
  return Value::boolean(true);
}

Value Conditional::compute(Context& context) const {
  if (truth(condition->evaluate(context))) return yes->evaluate(context);
  if (no) return no->evaluate(context);
  return Value::undefined("the inline if-expression evaluated to false and has no else");
}

Value ListLiteral::compute(Context& context) const {
  Items values;
  for (const auto& item : items) values.push_back(item->evaluate(context));
  return tuple ? Value::tuple(std::move(values)) : Value::list(std::move(values));
}

Value DictLiteral::compute(Context& context) const {
  Dict dict;
  for (const auto& [key, value] : items) {
    Value name = key->evaluate(context);
    dict.set(std::move(name), value->evaluate(context));
  }
  return Value::dict(std::move(dict));
}

void Target::assign(Context& context, const Value& value) const {
  if (!parts.empty()) {
    const Items items = iterate(value);
    if (items.size() != parts.size()) {
      throw Fault{
          fmt::format("expected {} values to unpack, found {}", parts.size(), items.size())};
    }
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i].assign(context, items[i]);
    return;
  }
  if (attribute.empty()) return context.set(name, value);
  const Value object = context.lookup(name);
  const auto* space = object.as<std::shared_ptr<Namespace>>();
  if (!space) throw Fault{"cannot assign attribute on non-namespace object"};
  if (attribute.starts_with('_')) {
    throw Fault{fmt::format("a namespace cannot hold '{}': names begin with a letter", attribute)};
  }
  (*space)->set(attribute, value);
}

}  // namespace bantam::jinja
