// Filters on single values, and the list of all filters.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bantam/text/jinja/filter_list.h"
#include "bantam/text/jinja/lexer.h"
#include "bantam/text/jinja/parameters.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

/// Digits with underscores between them and white space around, as int() and float() read them.
std::string number_text(const Text& text) {
  const std::string_view bytes = text.bytes;
  const std::size_t end = stripped_end(bytes);
  std::string out(bytes.substr(std::min(stripped_begin(bytes), end), end));
  out.resize(end - std::min(stripped_begin(bytes), end));
  if (out.starts_with('+')) out.erase(0, 1);
  for (std::size_t i = 1; i + 1 < out.size(); ++i) {
    if (out[i] == '_' && std::isdigit(static_cast<unsigned char>(out[i - 1])) &&
        std::isdigit(static_cast<unsigned char>(out[i + 1]))) {
      out.erase(i, 1);
    }
  }
  return out;
}

std::optional<double> read_real(const Value& value) {
  if (const auto number = value.as_number()) return number;
  if (!value.as_text()) return std::nullopt;
  const std::string text = number_text(*value.as_text());
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || result.ptr != text.data() + text.size()) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) return std::nullopt;
  return number;
}

std::optional<std::int64_t> read_integer(const Value& value, int base) {
  if (const auto integer = value.as_integer()) return integer;
  if (const Text* text = value.as_text()) {
    std::string digits = number_text(*text);
    const bool negative = digits.starts_with('-');
    std::string_view body = std::string_view(digits).substr(negative ? 1 : 0);
    const std::string_view prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
    if (!prefix.empty() && fold_case(body.substr(0, 2)) == prefix) body.remove_prefix(2);
    std::int64_t number = 0;
    const auto result = std::from_chars(body.data(), body.data() + body.size(), number, base);
    if (!body.empty() && body[0] != '-' && result.ec == std::errc() &&
        result.ptr == body.data() + body.size()) {
      return negative ? -number : number;
    }
  }
  const auto real = read_real(value);  // "42.23" gives 42
  if (real && std::fabs(*real) < 9.2e18) return static_cast<std::int64_t>(*real);
  return std::nullopt;
}

Value default_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("default", given, {"default_value", "boolean"});
  const bool replace = input.is_undefined() || (p.flag(1, false) && !truth(input));
  if (!replace) return input;
  return p.find(0) ? *p.find(0) : Value::text("");
}

Value int_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("int", given, {"default", "base"});
  if (const auto* undefined = input.as<Undefined>()) throw Fault{*undefined->why};
  const std::int64_t base = p.integer(1, 10);
  if (base < 2 || base > 36) throw Fault{"int: expected a base from 2 to 36"};
  if (const auto value = read_integer(input, static_cast<int>(base))) return Value::integer(*value);
  return p.find(0) ? *p.find(0) : Value::integer(0);
}

Value float_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("float", given, {"default"});
  if (const auto* undefined = input.as<Undefined>()) throw Fault{*undefined->why};
  if (const auto value = read_real(input)) return Value::real(*value);
  return p.find(0) ? *p.find(0) : Value::real(0);
}

Value abs_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("abs", given, {});
  if (const auto integer = input.as_integer()) {
    if (*integer == INT64_MIN) throw Fault{"integer too large"};
    return Value::integer(*integer < 0 ? -*integer : *integer);
  }
  if (const auto* real = input.as<double>()) return Value::real(std::fabs(*real));
  throw Fault{fmt::format("abs: expected a number, found {}", input.type_name())};
}

/// round(value, precision=0, method='common'): half to even on the decimal digits, as Python's
/// round().
Value round_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("round", given, {"precision", "method"});
  const auto number = input.as_number();
  if (!number) throw Fault{fmt::format("round: expected a number, found {}", input.type_name())};
  const auto precision = static_cast<int>(std::clamp<std::int64_t>(p.integer(0, 0), -300, 300));
  const std::string method = p.find_text(1) ? p.find_text(1)->bytes : "common";
  if (method == "common") {
    if (input.as_integer() && precision >= 0) return Value::integer(*input.as_integer());
    if (!std::isfinite(*number)) return Value::real(*number);
    if (precision < 0) {
      const double scale = std::pow(10.0, -precision);
      const double result = std::nearbyint(*number / scale) * scale;
      return input.as_integer() ? Value::integer(static_cast<std::int64_t>(result))
                                : Value::real(result);
    }
    // Correctly rounded decimal text, read back.
    const std::string text = fmt::format("{:.{}f}", *number, precision);
    double result = 0;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return Value::real(result);
  }
  if (method != "ceil" && method != "floor") throw Fault{"method must be common, ceil or floor"};
  const double scale = std::pow(10.0, precision);
  const double scaled = *number * scale;
  return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value attr_filter(Context&, const Value& input, const Arguments& given) {
  const Parameters p("attr", given, {"name"});
  if (input.as_dict()) {  // only attributes, not keys
    if (auto method = method_of(input, p.text(0).bytes)) return *method;
    return Value::undefined(fmt::format("dict has no attribute '{}'", p.text(0).bytes));
  }
  return attribute_of(input, p.text(0).bytes);
}

Value wordcount_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("wordcount", given, {});
  const Text text = to_text(input);
  context.make_bytes(text.bytes.size());
  std::int64_t count = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point_at(text.bytes, at);
    const bool word = is_word(c.value);
    if (word && !inside) ++count;
    inside = word;
    at += c.length;
  }
  return Value::integer(count);
}

const std::unordered_map<std::string_view, FilterFunction>& all_filters() {
  static const auto filters = [] {
    std::unordered_map<std::string_view, FilterFunction> all;
    for (const auto& list : {text_filters(), sequence_filters(), value_filters()}) {
      for (const FilterEntry& entry : list) all.emplace(entry.name, entry.function);
    }
    return all;
  }();
  return filters;
}

}  // namespace

std::vector<FilterEntry> value_filters() {
  return {{"abs", abs_filter},         {"attr", attr_filter},          {"d", default_filter},
          {"default", default_filter}, {"float", float_filter},        {"int", int_filter},
          {"round", round_filter},     {"wordcount", wordcount_filter}};
}

FilterFunction find_filter(std::string_view name) {
  const auto found = all_filters().find(name);
  return found == all_filters().end() ? nullptr : found->second;
}

std::vector<std::string_view> filter_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, _] : all_filters()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace bantam::jinja
