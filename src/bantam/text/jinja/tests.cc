// The tests of templates: `x is defined`, `x is divisibleby 3`.
#include <fmt/format.h>

#include <algorithm>

#include "bantam/text/jinja/parameters.h"
#include "bantam/text/jinja/syntax.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

std::int64_t remainder(const Value& value, std::int64_t divisor, const char* test) {
  const auto integer = value.as_integer();
  if (!integer)
    throw Fault{fmt::format("{}: expected an integer, found {}", test, value.type_name())};
  if (divisor == 0) throw Fault{"integer division or modulo by zero"};
  if (divisor == -1) return 0;  // the machine's remainder traps on the smallest integer
  return *integer % divisor;
}

bool is_iterable(const Value& value) {
  return value.as_text() || value.as_sequence() || value.as_dict() || value.is_undefined() ||
         value.as<std::shared_ptr<Generator>>() || value.as<std::shared_ptr<Loop>>();
}

bool is_sequence(const Value& value) {  // has a length and can be indexed
  const Sequence* sequence = value.as_sequence();
  return value.as_text() || value.as_dict() || value.is_undefined() ||
         (sequence && sequence->kind != Sequence::Kind::view);
}

bool same_object(const Value& a, const Value& b) {
  if (a.data().index() != b.data().index()) return false;
  return std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        const T& y = std::get<T>(b.data());
        if constexpr (std::is_same_v<T, Undefined>) {
          return x.why == y.why;
        } else {
          return x == y;
        }
      },
      a.data());
}

template <Comparison::Op op>
bool comparison(Context&, const Value& input, const Arguments& given) {
  const Parameters p("test", given, {"other"});
  return compare(op, input, p.required(0));
}

/// A test without arguments.
template <bool (*check)(const Value&)>
bool simple(Context&, const Value& input, const Arguments& given) {
  const Parameters p("test", given, {});
  return check(input);
}

bool is_boolean(const Value& v) { return v.as<bool>() != nullptr; }
bool is_true(const Value& v) { return v.as<bool>() && *v.as<bool>(); }
bool is_false(const Value& v) { return v.as<bool>() && !*v.as<bool>(); }
bool is_integer(const Value& v) { return v.as<std::int64_t>() != nullptr; }
bool is_float(const Value& v) { return v.as<double>() != nullptr; }
bool is_number(const Value& v) { return v.as_number().has_value(); }
bool is_string(const Value& v) { return v.as_text() != nullptr; }
bool is_mapping(const Value& v) { return v.as_dict() != nullptr; }
bool is_none(const Value& v) { return v.is_none(); }
bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_callable(const Value& v) {
  return v.as<std::shared_ptr<const Function>>() || v.is_undefined() ||
         v.as<std::shared_ptr<Loop>>();
}
bool is_odd(const Value& v) { return remainder(v, 2, "odd") != 0; }
bool is_even(const Value& v) { return remainder(v, 2, "even") == 0; }
bool is_upper_text(const Value& v) {
  const std::string text = to_text(v).bytes;
  return text == to_upper(text) && text != to_lower(text);
}
bool is_lower_text(const Value& v) {
  const std::string text = to_text(v).bytes;
  return text == to_lower(text) && text != to_upper(text);
}
bool is_escaped(const Value&) { return false; }

constexpr std::pair<std::string_view, TestFunction> tests[] = {
    {"defined", simple<is_defined>},
    {"undefined", simple<is_undefined>},
    {"none", simple<is_none>},
    {"boolean", simple<is_boolean>},
    {"true", simple<is_true>},
    {"false", simple<is_false>},
    {"integer", simple<is_integer>},
    {"float", simple<is_float>},
    {"number", simple<is_number>},
    {"string", simple<is_string>},
    {"mapping", simple<is_mapping>},
    {"iterable", simple<is_iterable>},
    {"sequence", simple<is_sequence>},
    {"callable", simple<is_callable>},
    {"escaped", simple<is_escaped>},
    {"odd", simple<is_odd>},
    {"even", simple<is_even>},
    {"upper", simple<is_upper_text>},
    {"lower", simple<is_lower_text>},
    {"divisibleby",
     [](Context&, const Value& input, const Arguments& given) {
       const Parameters p("divisibleby", given, {"num"});
       p.required(0);
       return remainder(input, p.integer(0, 0), "divisibleby") == 0;
     }},
    {"in",
     [](Context&, const Value& input, const Arguments& given) {
       const Parameters p("in", given, {"seq"});
       return contains(p.required(0), input);
     }},
    {"sameas",
     [](Context&, const Value& input, const Arguments& given) {
       const Parameters p("sameas", given, {"other"});
       return same_object(input, p.required(0));
     }},
    {"filter",
     [](Context&, const Value& input, const Arguments& given) {
       const Parameters p("filter", given, {});
       return input.as_text() && find_filter(input.as_text()->bytes);
     }},
    {"test",
     [](Context&, const Value& input, const Arguments& given) {
       const Parameters p("test", given, {});
       return input.as_text() && find_test(input.as_text()->bytes);
     }},
    {"eq", comparison<Comparison::Op::equal>},
    {"==", comparison<Comparison::Op::equal>},
    {"equalto", comparison<Comparison::Op::equal>},
    {"ne", comparison<Comparison::Op::not_equal>},
    {"!=", comparison<Comparison::Op::not_equal>},
    {"lt", comparison<Comparison::Op::less>},
    {"<", comparison<Comparison::Op::less>},
    {"lessthan", comparison<Comparison::Op::less>},
    {"le", comparison<Comparison::Op::less_equal>},
    {"<=", comparison<Comparison::Op::less_equal>},
    {"gt", comparison<Comparison::Op::greater>},
    {">", comparison<Comparison::Op::greater>},
    {"greaterthan", comparison<Comparison::Op::greater>},
    {"ge", comparison<Comparison::Op::greater_equal>},
    {">=", comparison<Comparison::Op::greater_equal>},
};

}  // namespace

TestFunction find_test(std::string_view name) {
  for (const auto& [key, test] : tests) {
    if (key == name) return test;
  }
  return nullptr;
}

std::vector<std::string_view> test_names() {
  std::vector<std::string_view> names;
  for (const auto& entry : tests) names.push_back(entry.first);
  return names;
}

}  // namespace bantam::jinja
