#include "bantam/text/jinja/text.h"

#include <algorithm>

namespace bantam::jinja {

Text Text::from(std::string bytes, std::int32_t source) {
  Text text{std::move(bytes), {}};
  if (!text.bytes.empty()) {
    text.origins.push_back({0, static_cast<std::uint32_t>(text.bytes.size()), source});
  }
  return text;
}

Text Text::slice(std::size_t begin, std::size_t end) const {
  TextBuilder builder;
  builder.append(*this, begin, end);
  return builder.take();
}

void TextBuilder::append(std::string_view data, std::int32_t source) {
  if (data.empty()) return;
  const auto begin = static_cast<std::uint32_t>(text_.bytes.size());
  text_.bytes += data;
  const auto end = static_cast<std::uint32_t>(text_.bytes.size());
  if (!text_.origins.empty() && text_.origins.back().end == begin &&
      text_.origins.back().source == source) {
    text_.origins.back().end = end;
  } else {
    text_.origins.push_back({begin, end, source});
  }
}

void TextBuilder::append(const Text& text) { append(text, 0, text.bytes.size()); }

void TextBuilder::append(const Text& text, std::size_t begin, std::size_t end) {
  const std::string_view bytes = text.bytes;
  std::size_t at = begin;
  auto next = std::partition_point(text.origins.begin(), text.origins.end(),
                                   [&](const Origin& o) { return o.end <= begin; });
  for (; next != text.origins.end() && next->begin < end; ++next) {
    const std::size_t from = std::max<std::size_t>(next->begin, at);
    const std::size_t to = std::min<std::size_t>(next->end, end);
    append(bytes.substr(at, from - at));
    append(bytes.substr(from, to - from), next->source);
    at = to;
  }
  append(bytes.substr(at, end - at));
}

std::int32_t OriginCursor::at(std::size_t at, std::int32_t otherwise) {
  while (next_ < text_.origins.size() && text_.origins[next_].end <= at) ++next_;
  const bool inside = next_ < text_.origins.size() && text_.origins[next_].begin <= at;
  return inside ? text_.origins[next_].source : otherwise;
}

}  // namespace bantam::jinja
