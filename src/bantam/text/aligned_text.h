// Text on its way to tokens that remembers, byte by byte, which part of the input it was made from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bantam {

/// [begin, end) in bytes.
using ByteRange = std::pair<std::uint32_t, std::uint32_t>;

/// Starts as a view of the input and becomes a text of its own with the first edit.
class AlignedText {
 public:
  /// `base` is where `input` begins in what the caller counts from. The input must outlive this.
  explicit AlignedText(std::string_view input, std::uint32_t base = 0)
      : input_(input), base_(base) {}

  std::string_view view() const { return changed_ ? std::string_view(text_) : input_; }
  bool changed() const { return changed_; }
  /// The input that the bytes [begin, end) of view() came from; of no bytes, an empty range.
  ByteRange origin(std::size_t begin, std::size_t end) const;
  /// A part of this text; views the same input.
  AlignedText part(std::size_t begin, std::size_t end) const;

 private:
  friend class TextEdit;
  std::string_view input_;
  std::uint32_t base_;
  bool changed_ = false;
  std::string text_;
  std::vector<ByteRange> origin_;  // of each byte of text_
};

/// Writes the next state of a text from left to right. Nothing is copied as long as all is kept in
/// place. Throws Error(input) when the text grows past 2 GiB.
class TextEdit {
 public:
  explicit TextEdit(const AlignedText& source) : source_(source), view_(source.view()) {}

  /// The bytes [begin, end) of the source as they are.
  void keep(std::size_t begin, std::size_t end);
  /// `text` in place of the bytes [begin, end) of the source, end > begin; it comes from all of
  /// them.
  void replace(std::size_t begin, std::size_t end, std::string_view text);
  /// `text` that stands for nothing in the source; it comes from the byte before it, or from
  /// nothing.
  void insert(std::string_view text);
  /// `text` before the byte [at] of the source; it comes from the character there.
  void insert_before(std::size_t at, std::string_view text);

  /// Length of what is written so far.
  std::size_t size() const { return in_place_ ? kept_ : result_.text_.size(); }
  /// Makes what is written the text it was made from.
  void store(AlignedText& source);

 private:
  void leave_place();
  void add(std::string_view text);
  ByteRange origin_of(std::size_t at) const;

  const AlignedText& source_;
  std::string_view view_;
  AlignedText result_{std::string_view()};
  bool in_place_ = true;
  std::size_t kept_ = 0;  // while in place: this much is written
};

}  // namespace bantam
