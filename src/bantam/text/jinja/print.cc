// How values print: Python's str, repr and json.dumps, to the byte.
#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bantam/text/jinja/value.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

constexpr std::int32_t written = INT32_MIN;  // no data: the template's own

void append_from(TextBuilder& out, std::string_view bytes, std::int32_t source) {
  source == written ? out.append(bytes) : out.append(bytes, source);
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

void append_repr(TextBuilder& out, const Text& text) {
  const bool has_single = text.bytes.find('\'') != std::string::npos;
  const char quote = has_single && text.bytes.find('"') == std::string::npos ? '"' : '\'';
  OriginCursor origin(text);
  out.append(std::string_view(&quote, 1));
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point_at(text.bytes, at);
    std::string shown;
    if (c.value == static_cast<unsigned char>(quote) || c.value == '\\') {
      shown = {'\\', static_cast<char>(c.value)};
    } else if (c.value == '\n') {
      shown = "\\n";
    } else if (c.value == '\r') {
      shown = "\\r";
    } else if (c.value == '\t') {
      shown = "\\t";
    } else if (c.valid && is_printable(c.value)) {
      shown = text.bytes.substr(at, c.length);
    } else if (c.value < 0x100) {
      shown = fmt::format("\\x{:02x}", static_cast<unsigned>(c.value));
    } else if (c.value < 0x10000) {
      shown = fmt::format("\\u{:04x}", static_cast<unsigned>(c.value));
    } else {
      shown = fmt::format("\\U{:08x}", static_cast<unsigned>(c.value));
    }
    append_from(out, shown, origin.at(at, written));
    at += c.length;
  }
  out.append(std::string_view(&quote, 1));
}

void append_repr(TextBuilder& out, const Value& value, int depth);

template <class Range, class Append>
void append_joined(TextBuilder& out, const Range& items, Append append) {
  bool first = true;
  for (const auto& item : items) {
    if (!first) out.append(", ");
    first = false;
    append(item);
  }
}

void append_sequence(TextBuilder& out, const Sequence& sequence, int depth) {
  if (sequence.kind == Sequence::Kind::range) return out.append(sequence.label);
  const bool tuple = sequence.kind == Sequence::Kind::tuple;
  const bool view = sequence.kind == Sequence::Kind::view;
  if (view) out.append(sequence.label + "(");
  out.append(tuple ? "(" : "[");
  append_joined(out, sequence.items, [&](const Value& item) { append_repr(out, item, depth + 1); });
  if (tuple && sequence.items.size() == 1) out.append(",");
  out.append(tuple ? ")" : "]");
  if (view) out.append(")");
}

void append_repr(TextBuilder& out, const Value& value, int depth) {
  // Only a namespace can hold itself; everything else is as deep as its own limit.
  if (depth > 2 * depth_limit)
    throw Fault{"cyclic value: it contains itself and cannot be printed"};
  if (out.size() > (std::size_t{8} << 20)) throw Fault{"printed value is longer than 8 MiB"};
  if (value.is_undefined()) return out.append("Undefined");
  if (value.is_none()) return out.append("None");
  if (const auto* flag = value.as<bool>()) return out.append(*flag ? "True" : "False");
  if (const auto integer = value.as_integer()) return out.append(std::to_string(*integer));
  if (const auto* real = value.as<double>()) return out.append(real_repr(*real));
  if (const Text* text = value.as_text()) return append_repr(out, *text);
  if (const Sequence* sequence = value.as_sequence()) return append_sequence(out, *sequence, depth);
  const auto append_pair = [&](const auto& item) {
    append_repr(out, item.first, depth + 1);
    out.append(": ");
    append_repr(out, item.second, depth + 1);
  };
  if (const Dict* dict = value.as_dict()) {
    out.append("{");
    append_joined(out, dict->items, append_pair);
    return out.append("}");
  }
  if (const auto* space = value.as<std::shared_ptr<Namespace>>()) {
    out.append("<Namespace {");
    append_joined(out, (*space)->attributes, [&](const auto& item) {
      append_pair(std::pair(Value::text(item.first), item.second));
    });
    return out.append("}>");
  }
  if (const auto* function = value.as<std::shared_ptr<const Function>>()) {
    return out.append(fmt::format("<Macro '{}'>", (*function)->name));
  }
  if (const auto* loop = value.as<std::shared_ptr<Loop>>()) {
    return out.append(
        fmt::format("<LoopContext {}/{}>", (*loop)->index + 1, (*loop)->items.size()));
  }
  out.append("<generator object>");
}

void append_json_string(TextBuilder& out, const Text& text, bool ascii_only) {
  OriginCursor origin(text);
  out.append("\"");
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point_at(text.bytes, at);
    std::string shown;
    switch (c.value) {
      case '"':
        shown = "\\\"";
        break;
      case '\\':
        shown = "\\\\";
        break;
      case '\n':
        shown = "\\n";
        break;
      case '\r':
        shown = "\\r";
        break;
      case '\t':
        shown = "\\t";
        break;
      case '\b':
        shown = "\\b";
        break;
      case '\f':
        shown = "\\f";
        break;
      default:
        if (c.value < 0x20 || (ascii_only && c.value >= 0x7F && c.value < 0x10000)) {
          shown = fmt::format("\\u{:04x}", static_cast<unsigned>(c.value));
        } else if (ascii_only && c.value >= 0x10000) {
          const auto high = 0xD800 + ((c.value - 0x10000) >> 10);
          const auto low = 0xDC00 + ((c.value - 0x10000) & 0x3FF);
          shown = fmt::format("\\u{:04x}\\u{:04x}", static_cast<unsigned>(high),
                              static_cast<unsigned>(low));
        } else {
          shown = text.bytes.substr(at, c.length);
        }
    }
    append_from(out, shown, origin.at(at, written));
    at += c.length;
  }
  out.append("\"");
}

class JsonWriter {
 public:
  JsonWriter(TextBuilder& out, const JsonStyle& style) : out_(out), style_(style) {}

  void write(const Value& value, int depth) {
    if (out_.size() > (std::size_t{8} << 20)) throw Fault{"tojson: longer than 8 MiB"};
    if (value.is_none()) return out_.append("null");
    if (const auto* flag = value.as<bool>()) return out_.append(*flag ? "true" : "false");
    if (const auto integer = value.as_integer()) return out_.append(std::to_string(*integer));
    if (const auto* real = value.as<double>()) return out_.append(json_real(*real));
    if (const Text* text = value.as_text()) {
      return append_json_string(out_, *text, style_.ascii_only);
    }
    const Sequence* sequence = value.as_sequence();
    if (sequence && sequence->kind <= Sequence::Kind::tuple) {
      return write_items("[", "]", sequence->items, depth,
                         [&](const Value& item) { write(item, depth + 1); });
    }
    if (const Dict* dict = value.as_dict()) return write_dict(*dict, depth);
    throw Fault{
        fmt::format("tojson: object of type {} is not JSON serializable", value.type_name())};
  }

 private:
  void write_dict(const Dict& dict, int depth) {
    auto items = dict.items;
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(),
                       [](const auto& a, const auto& b) { return less(a.first, b.first); });
    }
    write_items("{", "}", items, depth, [&](const auto& item) {
      append_json_string(out_, key_text(item.first), style_.ascii_only);
      out_.append(style_.key_separator);
      write(item.second, depth + 1);
    });
  }

  template <class Range, class Write>
  void write_items(std::string_view open, std::string_view close, const Range& items, int depth,
                   Write write_item) {
    out_.append(open);
    const auto new_line = [&](int level) {
      if (!style_.indent) return;
      out_.append("\n");
      for (int i = 0; i < level; ++i) out_.append(*style_.indent);
    };
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_.append(style_.item_separator);
      new_line(depth + 1);
      first = false;
      write_item(item);
    }
    if (!first) new_line(depth);
    out_.append(close);
  }

  static Text key_text(const Value& key) {
    if (const Text* text = key.as_text()) return *text;
    if (key.is_none()) return {"null", {}};
    if (const auto* flag = key.as<bool>()) return {*flag ? "true" : "false", {}};
    if (const auto integer = key.as_integer()) return {std::to_string(*integer), {}};
    if (const auto* real = key.as<double>()) return {json_real(*real), {}};
    throw Fault{
        fmt::format("tojson: keys must be str, int, float, bool or None, not {}", key.type_name())};
  }

  static std::string json_real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return real_repr(value);
  }

  TextBuilder& out_;
  const JsonStyle& style_;
};

}  // namespace

std::string real_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view scientific(buffer, end.ptr - buffer);
  const std::size_t mark = scientific.find('e');
  int exponent = 0;
  const char* digits = scientific.data() + mark + 1;
  if (*digits == '+') ++digits;
  std::from_chars(digits, end.ptr, exponent);
  if (exponent >= -4 && exponent < 16) {
    std::string fixed(400, '\0');
    const auto last =
        std::to_chars(fixed.data(), fixed.data() + fixed.size(), value, std::chars_format::fixed);
    fixed.resize(last.ptr - fixed.data());
    if (fixed.find('.') == std::string::npos) fixed += ".0";
    return fixed;
  }
  return std::string(
      scientific);  // to_chars writes at least two digits of exponent, as Python does
}

Text repr(const Value& value) {
  TextBuilder out;
  append_repr(out, value, 0);
  return out.take();
}

Text to_text(const Value& value) {
  if (const Text* text = value.as_text()) return *text;
  if (value.is_undefined()) return {};
  return repr(value);
}

Text to_json(const Value& value, const JsonStyle& style) {
  TextBuilder out;
  JsonWriter(out, style).write(value, 0);
  return out.take();
}

}  // namespace bantam::jinja
