// Strings that remember who wrote them.
//
// A template mixes its own words with a user's. Each string carries the ranges that came from data,
// through slices, joins, replacements and filters; what no range covers was written by the
// template. Where an operation cannot tell, its whole result counts as data, so that data never
// passes for the template's own words.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bantam::jinja {

/// Bytes [begin, end) came from `source`, a number that the caller gave to a piece of data.
struct Origin {
  std::uint32_t begin, end;
  std::int32_t source;
  bool operator==(const Origin&) const = default;
};

struct Text {
  std::string bytes;
  std::vector<Origin> origins;  // in order, not overlapping, not empty

  static Text from(std::string bytes, std::int32_t source);
  /// Bytes [begin, end), with their origins.
  Text slice(std::size_t begin, std::size_t end) const;
};

/// Grows a Text from pieces.
class TextBuilder {
 public:
  void append(std::string_view written) { text_.bytes += written; }
  void append(std::string_view data, std::int32_t source);
  void append(const Text& text);
  /// [begin, end) of `text`.
  void append(const Text& text, std::size_t begin, std::size_t end);
  std::size_t size() const { return text_.bytes.size(); }
  Text take() { return std::move(text_); }

 private:
  Text text_;
};

/// Walks over the origins of a text in step with its bytes.
class OriginCursor {
 public:
  explicit OriginCursor(const Text& text) : text_(text) {}
  /// Source of byte `at`, or `otherwise`; `at` may not go backwards.
  std::int32_t at(std::size_t at, std::int32_t otherwise);

 private:
  const Text& text_;
  std::size_t next_ = 0;
};

}  // namespace bantam::jinja
