// Filters that give strings.
#include <fmt/format.h>

#include <algorithm>

#include "bantam/text/jinja/filter_list.h"
#include "bantam/text/jinja/lexer.h"
#include "bantam/text/jinja/parameters.h"
#include "bantam/text/jinja/percent_format.h"
#include "bantam/text/jinja/text_operations.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

/// The input as a string, charged to the budget.
Text as_string(Context& context, const Value& input) {
  Text text = to_text(input);
  context.make_bytes(text.bytes.size());
  return text;
}

Value string_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("string", given, {});
  return Value::text(as_string(context, input));
}

Value trim_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("trim", given, {"chars"});
  return Value::text(stripped(as_string(context, input), Side::both, p.find_text(0)));
}

template <Text (*change)(const Text&)>
Value case_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("case", given, {});
  const Text text = as_string(context, input);
  context.step(static_cast<std::int64_t>(text.bytes.size() / 64));
  return Value::text(change(text));
}

/// jinja2's own rule: words begin after white space, hyphens and opening brackets.
Text jinja_title(const Text& text) {
  TextBuilder out;
  std::size_t word = 0;
  const auto flush = [&](std::size_t end) {
    if (end > word) out.append(capitalized(text.slice(word, end)));
    word = end;
  };
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point_at(text.bytes, at);
    const bool separates =
        is_python_space(c.value) ||
        (c.value < 0x80 &&
         std::string_view("-({[<").find(static_cast<char>(c.value)) != std::string_view::npos);
    const std::size_t next = at + c.length;
    if (separates) {
      flush(at);
      out.append(text, at, next);
      word = next;
    }
    at = next;
  }
  flush(text.bytes.size());
  return out.take();
}

Value replace_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("replace", given, {"old", "new", "count"});
  const Text old = to_text(p.required(0)), by = to_text(p.required(1));
  return Value::text(replaced(context, as_string(context, input), old.bytes, by, p.integer(2, -1)));
}

Value center_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("center", given, {"width"});
  return Value::text(
      justified(context, as_string(context, input), Side::both, p.integer(0, 80), " "));
}

Value format_filter(Context& context, const Value& input, const Arguments& given) {
  Dict named;
  for (const auto& [name, value] : given.keyword) named.set(name, value);
  if (!given.keyword.empty() && !given.positional.empty()) {
    throw Fault{"format: can't handle positional and keyword arguments at the same time"};
  }
  const Value values =
      given.keyword.empty() ? Value::tuple(given.positional) : Value::dict(std::move(named));
  return Value::text(percent_format(context, as_string(context, input), values));
}

/// indent(s, width=4, first=False, blank=False)
Value indent_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("indent", given, {"width", "first", "blank"});
  const Text* prefix_text = p.find(0) ? p.find(0)->as_text() : nullptr;
  const std::int64_t width = prefix_text ? 0 : p.integer(0, 4);
  if (width > 1000) throw Fault{"indent: width over 1000"};
  const Text prefix =
      prefix_text
          ? *prefix_text
          : Text{std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' '), {}};
  TextBuilder with_newline;
  with_newline.append(as_string(context, input));
  with_newline.append("\n");  // as jinja2 does, so that a last line end survives
  const Items lines = split_lines(context, with_newline.take(), false);
  TextBuilder out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Text& line = *lines[i].as_text();
    if (i > 0) out.append("\n");
    const bool wanted = i == 0 ? p.flag(1, false) : (p.flag(2, false) || !line.bytes.empty());
    if (wanted) out.append(prefix);
    out.append(line);
    context.make_bytes(prefix.bytes.size() + line.bytes.size());
  }
  return Value::text(out.take());
}

Value escape_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("escape", given, {});
  Text text = as_string(context, input);
  static constexpr std::pair<std::string_view, std::string_view> entities[] = {
      {"&", "&amp;"}, {">", "&gt;"}, {"<", "&lt;"}, {"'", "&#39;"}, {"\"", "&#34;"}};
  for (const auto& [character, entity] : entities) {
    text = replaced(context, text, character, {std::string(entity), {}}, -1);
  }
  return Value::text(std::move(text));
}

Value truncate_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("truncate", given, {"length", "killwords", "end", "leeway"});
  const Text text = as_string(context, input);
  const Text end = p.find_text(2) ? *p.find_text(2) : Text{"...", {}};
  const std::int64_t length = p.integer(0, 255), leeway = p.integer(3, 5);
  const auto end_length = static_cast<std::int64_t>(count_code_points(end.bytes));
  if (length < end_length) throw Fault{fmt::format("truncate: expected length >= {}", end_length)};
  if (static_cast<std::int64_t>(count_code_points(text.bytes)) <= length + leeway) {
    return Value::text(text);
  }
  Value cut = slice_of(Value::text(text), Value(), Value::integer(length - end_length), Value());
  if (!p.flag(1, false)) {
    const Text space{" ", {}};
    cut = split_from_right(context, *cut.as_text(), &space, 1)[0];
  }
  TextBuilder out;
  out.append(*cut.as_text());
  out.append(end);
  return Value::text(out.take());
}

Value urlencode_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("urlencode", given, {});
  const Text text = as_string(context, input);
  std::string out;
  for (const char c : text.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) ||
                                       std::string_view("_.-~/").find(c) != std::string_view::npos);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  const auto source = any_source({Value::text(text)});
  return Value::text(source ? Text::from(std::move(out), *source) : Text{std::move(out), {}});
}

Value tojson_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("tojson", given, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii_only = p.flag(0, false);
  style.sort_keys = p.flag(3, false);
  if (const Value* indent = p.find(1); indent && !indent->is_none()) {
    if (const Text* text = indent->as_text()) {
      style.indent = text->bytes;
    } else {
      const std::int64_t width = p.integer(1, 0);
      if (width > 100) throw Fault{"tojson: indent over 100"};
      style.indent = std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
    }
    style.item_separator = ",";
  }
  if (const Value* separators = p.find(2); separators && !separators->is_none()) {
    const Items parts = iterate(*separators);
    if (parts.size() != 2 || !parts[0].as_text() || !parts[1].as_text()) {
      throw Fault{"tojson: separators: expected two strings"};
    }
    style.item_separator = parts[0].as_text()->bytes;
    style.key_separator = parts[1].as_text()->bytes;
  }
  Text text = to_json(input, style);
  context.make_bytes(text.bytes.size());
  return Value::text(std::move(text));
}

Value join_filter(Context& context, const Value& input, const Arguments& given) {
  const Parameters p("join", given, {"d", "attribute"});
  Items items = iterate(input);
  if (const Value* attribute = p.find(1); attribute && !attribute->is_none()) {
    for (Value& item : items) item = item_of(item, *attribute);
  }
  return Value::text(join(context, p.find(0) ? to_text(*p.find(0)) : Text{}, items));
}

}  // namespace

std::vector<FilterEntry> text_filters() {
  return {{"capitalize", case_filter<capitalized>},
          {"center", center_filter},
          {"e", escape_filter},
          {"escape", escape_filter},
          {"format", format_filter},
          {"indent", indent_filter},
          {"join", join_filter},
          {"lower", case_filter<lower>},
          {"replace", replace_filter},
          {"safe", string_filter},
          {"string", string_filter},
          {"title", case_filter<jinja_title>},
          {"tojson", tojson_filter},
          {"trim", trim_filter},
          {"truncate", truncate_filter},
          {"upper", case_filter<upper>},
          {"urlencode", urlencode_filter}};
}

}  // namespace bantam::jinja
