#include "bantam/text/jinja/text_operations.h"

#include <algorithm>

#include "bantam/text/jinja/lexer.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

constexpr std::int32_t written = INT32_MIN;

/// Each character through `map`, which appends its image.
template <class Map>
Text map_characters(const Text& text, Map map) {
  TextBuilder out;
  OriginCursor origin(text);
  std::string image;
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point_at(text.bytes, at);
    const std::string_view bytes = std::string_view(text.bytes).substr(at, c.length);
    image.clear();
    map(c.value, bytes, image);
    const std::int32_t source = origin.at(at, written);
    source == written ? out.append(image) : out.append(image, source);
    at += c.length;
  }
  return out.take();
}

std::size_t character_before(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

bool is_space_at(std::string_view text, std::size_t at) {
  const CodePoint c = code_point_at(text, at);
  return c.valid && is_python_space(c.value);
}

Items split_white_space(Context& context, const Text& text, std::int64_t limit) {
  Items parts;
  const std::string& bytes = text.bytes;
  std::size_t at = stripped_begin(bytes);
  while (at < bytes.size()) {
    if (limit >= 0 && static_cast<std::int64_t>(parts.size()) == limit) {
      const std::size_t end = std::max(stripped_end(bytes), at);
      parts.push_back(Value::text(text.slice(at, end)));
      return parts;
    }
    context.step();
    std::size_t end = at;
    while (end < bytes.size() && !is_space_at(bytes, end)) end += code_point_at(bytes, end).length;
    parts.push_back(Value::text(text.slice(at, end)));
    at = end + stripped_begin(std::string_view(bytes).substr(end));
  }
  return parts;
}

Items split_white_space_from_right(Context& context, const Text& text, std::int64_t limit) {
  Items parts;
  const std::string_view bytes = text.bytes;
  std::size_t end = stripped_end(bytes);
  while (end > 0) {
    if (static_cast<std::int64_t>(parts.size()) == limit) {
      parts.push_back(Value::text(text.slice(std::min(stripped_begin(bytes), end), end)));
      break;
    }
    context.step();
    std::size_t begin = end;
    while (begin > 0) {
      const std::size_t previous = character_before(bytes, begin);
      if (is_space_at(bytes, previous)) break;
      begin = previous;
    }
    parts.push_back(Value::text(text.slice(begin, end)));
    end = stripped_end(bytes.substr(0, begin));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

Text stripped(const Text& text, Side side, const Text* characters) {
  const std::string_view bytes = text.bytes;
  std::size_t begin = 0, end = bytes.size();
  if (!characters) {
    if (side != Side::left) end = stripped_end(bytes);
    if (side != Side::right) begin = std::min(stripped_begin(bytes), end);
    return text.slice(begin, end);
  }
  const auto drops = [&](std::string_view c) {
    // Characters of UTF-8 never lie inside one another.
    return characters->bytes.find(c) != std::string::npos;
  };
  while (side != Side::left && end > 0) {
    const std::size_t previous = character_before(bytes, end);
    if (!drops(bytes.substr(previous, end - previous))) break;
    end = previous;
  }
  while (side != Side::right && begin < end) {
    const std::size_t length = code_point_at(bytes, begin).length;
    if (!drops(bytes.substr(begin, length))) break;
    begin += length;
  }
  return text.slice(begin, end);
}

Text replaced(Context& context, const Text& text, std::string_view old, const Text& by,
              std::int64_t count) {
  TextBuilder out;
  std::size_t at = 0;
  const auto spend = [&] { return count < 0 || count-- > 0; };
  if (old.empty()) {  // between all characters, and at both ends
    while (spend()) {
      out.append(by);
      context.make_bytes(by.bytes.size() + 4);
      if (at >= text.bytes.size()) return out.take();
      const std::size_t length = code_point_at(text.bytes, at).length;
      out.append(text, at, at + length);
      at += length;
    }
  } else {
    for (std::size_t found = text.bytes.find(old); found != std::string::npos && spend();
         found = text.bytes.find(old, at)) {
      context.make_bytes(found - at + by.bytes.size());
      out.append(text, at, found);
      out.append(by);
      at = found + old.size();
      if (out.size() > context.limits.output) context.make_bytes(out.size());
    }
  }
  context.make_bytes(text.bytes.size() - at);
  out.append(text, at, text.bytes.size());
  return out.take();
}

Items split(Context& context, const Text& text, const Text* separator, std::int64_t limit) {
  context.make_bytes(text.bytes.size());
  if (!separator) return split_white_space(context, text, limit);
  if (separator->bytes.empty()) throw Fault{"empty separator"};
  Items parts;
  std::size_t at = 0;
  while (limit < 0 || static_cast<std::int64_t>(parts.size()) < limit) {
    const std::size_t found = text.bytes.find(separator->bytes, at);
    if (found == std::string::npos) break;
    context.step();
    parts.push_back(Value::text(text.slice(at, found)));
    at = found + separator->bytes.size();
  }
  parts.push_back(Value::text(text.slice(at, text.bytes.size())));
  return parts;
}

Items split_from_right(Context& context, const Text& text, const Text* separator,
                       std::int64_t limit) {
  if (limit < 0) return split(context, text, separator, -1);
  context.make_bytes(text.bytes.size());
  if (!separator) return split_white_space_from_right(context, text, limit);
  if (separator->bytes.empty()) throw Fault{"empty separator"};
  Items parts;
  std::size_t end = text.bytes.size();
  while (static_cast<std::int64_t>(parts.size()) < limit && end >= separator->bytes.size()) {
    const std::size_t found = text.bytes.rfind(separator->bytes, end - separator->bytes.size());
    if (found == std::string::npos) break;
    context.step();
    parts.push_back(Value::text(text.slice(found + separator->bytes.size(), end)));
    end = found;
  }
  parts.push_back(Value::text(text.slice(0, end)));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Items split_lines(Context& context, const Text& text, bool keep_ends) {
  context.make_bytes(text.bytes.size());
  Items lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point_at(text.bytes, at);
    const bool ends = (c.value >= 0x0A && c.value <= 0x0D) ||
                      (c.value >= 0x1C && c.value <= 0x1E) || c.value == 0x85 ||
                      c.value == 0x2028 || c.value == 0x2029;
    std::size_t next = at + c.length;
    if (ends) {
      if (c.value == '\r' && next < text.bytes.size() && text.bytes[next] == '\n') ++next;
      context.step();
      lines.push_back(Value::text(text.slice(begin, keep_ends ? next : at)));
      begin = next;
    }
    at = next;
  }
  if (begin < text.bytes.size()) lines.push_back(Value::text(text.slice(begin, text.bytes.size())));
  return lines;
}

Text upper(const Text& text) {
  return map_characters(
      text, [](char32_t, std::string_view bytes, std::string& image) { image = to_upper(bytes); });
}

Text lower(const Text& text) {
  return map_characters(
      text, [](char32_t, std::string_view bytes, std::string& image) { image = to_lower(bytes); });
}

Text capitalized(const Text& text) {
  bool first = true;
  return map_characters(text, [&](char32_t, std::string_view bytes, std::string& image) {
    image = first ? to_upper(bytes) : to_lower(bytes);
    first = false;
  });
}

Text title_case(const Text& text) {
  bool inside = false;
  return map_characters(text, [&](char32_t c, std::string_view bytes, std::string& image) {
    const bool cased = is_upper(c) || is_lower(c) || to_upper(bytes) != to_lower(bytes);
    image = !cased ? std::string(bytes) : inside ? to_lower(bytes) : to_upper(bytes);
    inside = cased;
  });
}

Text justified(Context& context, const Text& text, Side text_at, std::int64_t width,
               std::string_view fill) {
  const auto length = static_cast<std::int64_t>(count_code_points(text.bytes));
  if (width <= length) return text;
  const std::int64_t missing = width - length;
  context.make_bytes(static_cast<std::size_t>(std::min<std::int64_t>(missing, INT32_MAX)) *
                     fill.size());
  // Where the odd space goes when centred: Python's rule.
  const std::int64_t before = text_at == Side::left    ? 0
                              : text_at == Side::right ? missing
                                                       : missing / 2 + (missing & width & 1);
  TextBuilder out;
  for (std::int64_t i = 0; i < before; ++i) out.append(fill);
  out.append(text);
  for (std::int64_t i = before; i < missing; ++i) out.append(fill);
  return out.take();
}

Text join(Context& context, const Text& separator, const Items& items) {
  TextBuilder out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.append(separator);
    const Text part = to_text(items[i]);
    context.make_bytes(separator.bytes.size() + part.bytes.size());
    out.append(part);
    if (out.size() > context.limits.output) context.make_bytes(out.size());
  }
  return out.take();
}

}  // namespace bantam::jinja
