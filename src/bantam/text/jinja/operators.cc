// Arithmetic and comparison: Python's, except that integers have 64 bits and overflow is an error.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bantam/text/jinja/percent_format.h"
#include "bantam/text/jinja/syntax.h"

namespace bantam::jinja {
namespace {

using Op = Binary::Op;

constexpr std::string_view symbols[] = {"+", "-", "*", "/", "//", "%", "**"};

std::int64_t checked(bool overflow, std::int64_t value) {
  if (overflow) throw Fault{"integer too large"};
  return value;
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if (exponent & 1) {
      const bool overflow = __builtin_mul_overflow(result, base, &result);
      checked(overflow, 0);
    }
    exponent >>= 1;
    if (exponent > 0) {
      const bool overflow = __builtin_mul_overflow(base, base, &base);
      checked(overflow, 0);
    }
  }
  return result;
}

std::int64_t floor_divided(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Fault{"integer division or modulo by zero"};
  if (b == -1) {
    if (a == INT64_MIN) throw Fault{"integer too large"};
    return -a;
  }
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

// Has the sign of b.
std::int64_t floor_remainder(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Fault{"integer division or modulo by zero"};
  if (b == -1) return 0;  // the machine's remainder would trap on the smallest integer
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Value integers(Op op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case Op::add: {
      const bool overflow = __builtin_add_overflow(a, b, &result);
      return Value::integer(checked(overflow, result));
    }
    case Op::subtract: {
      const bool overflow = __builtin_sub_overflow(a, b, &result);
      return Value::integer(checked(overflow, result));
    }
    case Op::multiply: {
      const bool overflow = __builtin_mul_overflow(a, b, &result);
      return Value::integer(checked(overflow, result));
    }
    case Op::divide:
      if (b == 0) throw Fault{"division by zero"};
      return Value::real(static_cast<double>(a) / static_cast<double>(b));
    case Op::floor_divide:
      return Value::integer(floor_divided(a, b));
    case Op::modulo:
      return Value::integer(floor_remainder(a, b));
    case Op::power:
      if (b >= 0) return Value::integer(integer_power(a, b));
      if (a == 0) throw Fault{"0.0 cannot be raised to a negative power"};
      return Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  return {};
}

Value reals(Op op, double a, double b) {
  const auto needs_divisor = [&] {
    if (b == 0) throw Fault{"float division by zero"};
  };
  switch (op) {
    case Op::add:
      return Value::real(a + b);
    case Op::subtract:
      return Value::real(a - b);
    case Op::multiply:
      return Value::real(a * b);
    case Op::divide:
      needs_divisor();
      return Value::real(a / b);
    case Op::floor_divide:
      needs_divisor();
      return Value::real(std::floor(a / b));
    case Op::modulo: {
      needs_divisor();
      double rest = std::fmod(a, b);
      if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
      return Value::real(rest);
    }
    case Op::power: {
      if (a == 0 && b < 0) throw Fault{"0.0 cannot be raised to a negative power"};
      if (a < 0 && b != std::floor(b)) throw Fault{"a negative number has no real power"};
      const double result = std::pow(a, b);
      if (std::isinf(result) && !std::isinf(a) && !std::isinf(b)) {
        throw Fault{"numerical result out of range"};
      }
      return Value::real(result);
    }
  }
  return {};
}

/// a * n for a text or list.
std::optional<Value> repeated(Context& context, const Value& value, std::int64_t times) {
  times = std::max<std::int64_t>(times, 0);
  const auto total = [&](std::size_t length) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(static_cast<std::int64_t>(length), times, &product)) {
      product = INT64_MAX;
    }
    return product;
  };
  if (const Text* text = value.as_text()) {
    context.make_bytes(static_cast<std::size_t>(total(text->bytes.size())));
    if (text->bytes.empty()) return value;
    TextBuilder builder;
    for (std::int64_t i = 0; i < times; ++i) builder.append(*text);
    return Value::text(builder.take());
  }
  const Sequence* sequence = value.as_sequence();
  if (!sequence || sequence->kind > Sequence::Kind::tuple) return std::nullopt;
  context.step(std::min<std::int64_t>(total(sequence->items.size()), INT32_MAX));
  Items items;
  if (sequence->items.empty()) return value;
  for (std::int64_t i = 0; i < times; ++i) {
    items.insert(items.end(), sequence->items.begin(), sequence->items.end());
  }
  return sequence->kind == Sequence::Kind::list ? Value::list(std::move(items))
                                                : Value::tuple(std::move(items));
}

std::optional<Value> joined(Context& context, const Value& left, const Value& right) {
  const Text *a = left.as_text(), *b = right.as_text();
  if (a && b) {
    context.make_bytes(a->bytes.size() + b->bytes.size());
    TextBuilder builder;
    builder.append(*a);
    builder.append(*b);
    return Value::text(builder.take());
  }
  const Sequence *s = left.as_sequence(), *t = right.as_sequence();
  if (s && t && s->kind == t->kind && s->kind <= Sequence::Kind::tuple) {
    context.step(static_cast<std::int64_t>(s->items.size() + t->items.size()));
    Items items = s->items;
    items.insert(items.end(), t->items.begin(), t->items.end());
    return s->kind == Sequence::Kind::list ? Value::list(std::move(items))
                                           : Value::tuple(std::move(items));
  }
  return std::nullopt;
}

}  // namespace

Value binary(Context& context, Op op, const Value& left, const Value& right) {
  for (const Value* value : {&left, &right}) {
    if (const auto* undefined = value->as<Undefined>()) throw Fault{*undefined->why};
  }
  const auto a = left.as_integer(), b = right.as_integer();
  if (a && b) return integers(op, *a, *b);
  const auto x = left.as_number(), y = right.as_number();
  if (x && y) return reals(op, *x, *y);
  if (op == Op::add) {
    if (auto result = joined(context, left, right)) return *result;
  } else if (op == Op::multiply && (a || b)) {
    if (auto result = repeated(context, a ? right : left, a ? *a : *b)) return *result;
  } else if (op == Op::modulo && left.as_text()) {
    return Value::text(percent_format(context, *left.as_text(), right));
  }
  throw Fault{fmt::format("unsupported operand type(s) for {}: '{}' and '{}'",
                          symbols[static_cast<int>(op)], left.type_name(), right.type_name())};
}

bool compare(Comparison::Op op, const Value& left, const Value& right) {
  using C = Comparison::Op;
  switch (op) {
    case C::equal:
      return equal(left, right);
    case C::not_equal:
      return !equal(left, right);
    case C::less:
      return less(left, right);
    case C::greater:
      return less(right, left);
    case C::less_equal:
      return less(left, right) || equal(left, right);
    case C::greater_equal:
      return less(right, left) || equal(left, right);
    case C::in:
      return contains(right, left);
    case C::not_in:
      return !contains(right, left);
  }
  return false;
}

}  // namespace bantam::jinja
