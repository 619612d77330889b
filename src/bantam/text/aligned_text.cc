#include "bantam/text/aligned_text.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {

ByteRange AlignedText::origin(std::size_t begin, std::size_t end) const {
  if (!changed_) {
    return {base_ + static_cast<std::uint32_t>(begin), base_ + static_cast<std::uint32_t>(end)};
  }
  if (begin < end)
    return {origin_[begin].first, std::max(origin_[begin].first, origin_[end - 1].second)};
  const std::uint32_t at = begin < origin_.size() ? origin_[begin].first
                           : begin > 0            ? origin_[begin - 1].second
                                                  : base_;
  return {at, at};
}

AlignedText AlignedText::part(std::size_t begin, std::size_t end) const {
  if (!changed_) {
    return AlignedText(input_.substr(begin, end - begin),
                       base_ + static_cast<std::uint32_t>(begin));
  }
  AlignedText result(input_, base_);
  result.changed_ = true;
  result.text_ = text_.substr(begin, end - begin);
  result.origin_.assign(origin_.begin() + static_cast<std::ptrdiff_t>(begin),
                        origin_.begin() + static_cast<std::ptrdiff_t>(end));
  return result;
}

ByteRange TextEdit::origin_of(std::size_t at) const {
  if (source_.changed_) return source_.origin_[at];
  const auto place = source_.base_ + static_cast<std::uint32_t>(at);
  return {place, place + 1};
}

void TextEdit::leave_place() {
  if (!in_place_) return;
  in_place_ = false;
  result_.changed_ = true;
  result_.text_.reserve(view_.size() + view_.size() / 4 + 8);
  result_.origin_.reserve(view_.size() + view_.size() / 4 + 8);
  keep(0, kept_);
}

void TextEdit::add(std::string_view text) {
  constexpr std::size_t limit = 0x7FFFFFFF;  // places are counted in 31 bits
  if (text.size() > limit - result_.text_.size()) {
    throw input_error("tokenizer: the text grows past 2 GiB; split it");
  }
  result_.text_ += text;
}

void TextEdit::keep(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  if (in_place_ && begin == kept_) {
    kept_ = end;
    return;
  }
  leave_place();
  add(view_.substr(begin, end - begin));
  if (source_.changed_) {
    result_.origin_.insert(result_.origin_.end(),
                           source_.origin_.begin() + static_cast<std::ptrdiff_t>(begin),
                           source_.origin_.begin() + static_cast<std::ptrdiff_t>(end));
  } else {
    for (std::size_t at = begin; at < end; ++at) result_.origin_.push_back(origin_of(at));
  }
}

void TextEdit::replace(std::size_t begin, std::size_t end, std::string_view text) {
  if (text == view_.substr(begin, end - begin)) return keep(begin, end);
  leave_place();
  const ByteRange range{origin_of(begin).first, origin_of(end - 1).second};
  add(text);
  result_.origin_.insert(result_.origin_.end(), text.size(), range);
}

void TextEdit::insert(std::string_view text) {
  if (text.empty()) return;
  leave_place();
  const auto& origin = result_.origin_;
  const ByteRange range = origin.empty() ? ByteRange{source_.base_, source_.base_} : origin.back();
  add(text);
  result_.origin_.insert(result_.origin_.end(), text.size(), range);
}

void TextEdit::insert_before(std::size_t at, std::string_view text) {
  if (text.empty()) return;
  leave_place();
  const auto length = static_cast<std::size_t>(code_point_at(view_, at).length);
  const ByteRange range{origin_of(at).first, origin_of(at + length - 1).second};
  add(text);
  result_.origin_.insert(result_.origin_.end(), text.size(), range);
}

void TextEdit::store(AlignedText& source) {
  if (in_place_ && kept_ == view_.size()) return;
  leave_place();
  result_.input_ = source.input_;
  result_.base_ = source.base_;
  source = std::move(result_);
}

}  // namespace bantam
