#include "bantam/text/jinja/percent_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

struct Field {
  bool left = false, plus = false, space = false, zero = false, alternate = false;
  int width = 0;
  int precision = -1;
  char type = 's';
};

constexpr int size_limit = 1000;

/// Pads to the width, zeros going after a sign.
std::string padded(const Field& field, std::string text, bool number) {
  const auto length = static_cast<int>(count_code_points(text));
  if (length >= field.width) return text;
  const auto fill = static_cast<std::size_t>(field.width - length);
  if (field.left) return text + std::string(fill, ' ');
  if (!number || !field.zero) return std::string(fill, ' ') + text;
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  return text.substr(0, sign) + std::string(fill, '0') + text.substr(sign);
}

std::string integer_text(const Field& field, std::int64_t value) {
  const auto magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits;
  switch (field.type) {
    case 'x':
      digits = fmt::format("{:x}", magnitude);
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude);
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      break;
    default:
      digits = std::to_string(magnitude);
  }
  if (static_cast<int>(digits.size()) < field.precision) {
    digits.insert(0, static_cast<std::size_t>(field.precision) - digits.size(), '0');
  }
  if (field.alternate && field.type != 'd') {
    digits.insert(0, field.type == 'x' ? "0x" : field.type == 'X' ? "0X" : "0o");
  }
  const char* sign = value < 0 ? "-" : field.plus ? "+" : field.space ? " " : "";
  return padded(field, sign + digits, true);
}

std::string real_text(const Field& field, double value) {
  const std::string format =
      fmt::format("%{}{}{}.*{}", field.plus ? "+" : "", field.space ? " " : "",
                  field.alternate ? "#" : "", field.type);
  const int precision = field.precision < 0 ? 6 : field.precision;
  std::string text(1500, '\0');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int length = std::snprintf(text.data(), text.size(), format.c_str(), precision, value);
#pragma GCC diagnostic pop
  text.resize(static_cast<std::size_t>(std::clamp(length, 0, 1499)));
  std::replace(text.begin(), text.end(), ',', '.');  // a locale may have a decimal comma
  return padded(field, text, true);
}

class Formatter {
 public:
  Formatter(Context& context, const Text& format, const Value& values)
      : context_(context), format_(format), values_(values), sequence_(values.as_sequence()) {
    if (sequence_ && sequence_->kind != Sequence::Kind::tuple) sequence_ = nullptr;
  }

  Text run() {
    const std::string& bytes = format_.bytes;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t mark = std::min(bytes.find('%', at), bytes.size());
      out_.append(format_, at, mark);
      at = mark;
      if (at < bytes.size()) at = field(at + 1);
      context_.make_bytes(out_.size());
    }
    const std::size_t given = sequence_ ? sequence_->items.size() : 1;
    if (used_ < given && !values_.as_dict()) {
      throw Fault{"not all arguments converted during string formatting"};
    }
    return out_.take();
  }

 private:
  char byte(std::size_t at) const {
    if (at >= format_.bytes.size()) throw Fault{"incomplete format"};
    return format_.bytes[at];
  }

  Value next() {
    if (!sequence_ && used_++ == 0) return values_;
    if (sequence_ && used_ < sequence_->items.size()) return sequence_->items[used_++];
    throw Fault{"not enough arguments for format string"};
  }

  int number(std::size_t& at) {
    int value = 0;
    for (; byte(at) >= '0' && byte(at) <= '9'; ++at) {
      value = value * 10 + (byte(at) - '0');
      if (value > size_limit) throw Fault{fmt::format("format width over {}", size_limit)};
    }
    return value;
  }

  std::size_t field(std::size_t at) {
    Field field;
    std::optional<Value> value;
    if (byte(at) == '(') {
      const std::size_t end = format_.bytes.find(')', at);
      if (end == std::string::npos) throw Fault{"incomplete format key"};
      const std::string key = format_.bytes.substr(at + 1, end - at - 1);
      const Dict* dict = values_.as_dict();
      if (!dict) throw Fault{"format requires a mapping"};
      const Value* found = dict->find(key);
      if (!found) throw Fault{fmt::format("no key '{}' for format string", key)};
      value = *found;
      at = end + 1;
    }
    for (;; ++at) {
      const char c = byte(at);
      if (c == '-')
        field.left = true;
      else if (c == '+')
        field.plus = true;
      else if (c == ' ')
        field.space = true;
      else if (c == '0')
        field.zero = true;
      else if (c == '#')
        field.alternate = true;
      else
        break;
    }
    field.width = number(at);
    if (byte(at) == '.') field.precision = number(++at);
    field.type = byte(at);
    if (field.type == '%') {
      out_.append("%");
    } else {
      convert(field, value ? *value : next());
    }
    return at + 1;
  }

  void convert(Field field, const Value& value) {
    if (field.type == 'i' || field.type == 'u') field.type = 'd';
    const auto real = value.as_number();
    switch (field.type) {
      case 's':
      case 'r':
        return append(field, field.type == 's' ? to_text(value) : repr(value));
      case 'd': {
        if (!real) break;
        if (const auto integer = value.as_integer())
          return out_.append(integer_text(field, *integer));
        if (!(std::fabs(*real) < 9e18)) break;
        return out_.append(integer_text(field, static_cast<std::int64_t>(*real)));
      }
      case 'x':
      case 'X':
      case 'o':
        if (const auto integer = value.as_integer())
          return out_.append(integer_text(field, *integer));
        break;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (real) return out_.append(real_text(field, *real));
        break;
      case 'c':
        if (const Text* text = value.as_text(); text && count_code_points(text->bytes) == 1) {
          return append(field, *text);
        }
        break;
      default:
        throw Fault{fmt::format("unsupported format character '{}'", field.type)};
    }
    throw Fault{
        fmt::format("%{} format: a number is required, not {}", field.type, value.type_name())};
  }

  void append(const Field& field, const Text& text) {
    std::size_t end = text.bytes.size();
    std::size_t length = 0;
    std::size_t at = 0;
    while (at < text.bytes.size()) {
      if (field.precision >= 0 && length == static_cast<std::size_t>(field.precision)) break;
      at += code_point_at(text.bytes, at).length;
      ++length;
    }
    end = at;
    const std::size_t width = static_cast<std::size_t>(field.width);
    const std::string fill(width > length ? width - length : 0, ' ');
    if (!field.left) out_.append(fill);
    out_.append(text, 0, end);
    if (field.left) out_.append(fill);
  }

  Context& context_;
  const Text& format_;
  const Value& values_;
  const Sequence* sequence_;
  std::size_t used_ = 0;
  TextBuilder out_;
};

}  // namespace

Text percent_format(Context& context, const Text& format, const Value& values) {
  return Formatter(context, format, values).run();
}

}  // namespace bantam::jinja
