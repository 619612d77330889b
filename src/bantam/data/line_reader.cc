#include "bantam/data/line_reader.h"

#include <algorithm>
#include <cstring>

#include "bantam/base/error.h"
#include "bantam/base/utf8.h"

namespace bantam {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;
constexpr std::string_view kByteOrderMark("\xef\xbb\xbf", 3);

/// Text of another encoding has its own habits: UTF-16 is full of zero bytes, Windows-1252 uses
/// 0x80 to 0x9f.
std::string_view guess_encoding(std::string_view line, std::size_t bad) {
  if (line.find('\0') != std::string_view::npos) return "UTF-16";
  const auto byte = static_cast<unsigned char>(line[bad]);
  return byte >= 0x80 && byte < 0xa0 ? "Windows-1252" : "Latin-1 (ISO-8859-1)";
}

}  // namespace

std::size_t first_invalid_utf8(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    std::uint64_t eight;
    if (position + 8 <= text.size()) {  // most text is ASCII: eight bytes at a time
      std::memcpy(&eight, text.data() + position, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        position += 8;
        continue;
      }
    }
    const Utf8Character character = utf8_at(text, position);
    if (!character.valid) return position;
    position += character.size;
  }
  return std::string_view::npos;
}

LineReader::LineReader(std::unique_ptr<ByteStream> stream, std::string where, std::uint64_t longest)
    : stream_(std::move(stream)),
      where_(std::move(where)),
      longest_(longest),
      buffer_(kBlock, '\0') {}

std::size_t LineReader::read_block(std::size_t from) {
  can_go_on_ = false;  // stays so when the stream throws
  const std::size_t count = stream_->read(std::span(buffer_).subspan(from));
  can_go_on_ = true;
  return count;
}

bool LineReader::fill() {
  if (position_ < filled_) return true;
  position_ = 0;
  filled_ = read_block(0);
  return filled_ > 0;
}

void LineReader::check_start() {
  started_ = true;
  // A pipe may deliver a byte at a time; the marks are at most four bytes long.
  while (filled_ < 4) {
    const std::size_t more = read_block(filled_);
    if (more == 0) break;
    filled_ += more;
  }
  const std::string_view start(buffer_.data(), filled_);
  const bool little = start.starts_with("\xff\xfe"), big = start.starts_with("\xfe\xff");
  if (little || big) {
    can_go_on_ = false;
    throw input_error(
        "{}: byte 0: expected UTF-8, found UTF-16 ({}-endian); convert it with: iconv -f UTF-16 -t "
        "UTF-8",
        where_, little ? "little" : "big");
  }
  if (start.starts_with(kByteOrderMark)) {
    had_byte_order_mark_ = true;
    position_ = kByteOrderMark.size();
    next_offset_ = position_;
  }
}

bool LineReader::take_line(bool& too_long) {
  bool any = false;
  while (fill()) {
    any = true;
    const char* begin = buffer_.data() + position_;
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', filled_ - position_));
    const std::size_t count = end ? static_cast<std::size_t>(end - begin) + 1 : filled_ - position_;
    position_ += count;
    next_offset_ += count;
    if (line_.size() + count > longest_ + 2) {
      too_long = true;
      line_.clear();
      line_.shrink_to_fit();
    } else if (!too_long) {
      line_.append(begin, count);
    }
    if (end) break;
  }
  return any;
}

bool LineReader::next(std::string_view& line) {
  if (!started_) check_start();
  line_offset_ = next_offset_;
  line_.clear();
  bool too_long = false;
  if (!take_line(too_long)) return false;
  ++number_;
  if (too_long) {
    throw input_error("{}:{}: the line is longer than {} bytes, the limit here", where_, number_,
                      with_commas(static_cast<std::int64_t>(longest_)));
  }
  if (line_.ends_with('\n')) line_.pop_back();
  if (line_.ends_with('\r')) {
    line_.pop_back();
    had_carriage_returns_ = true;
  }
  if (const std::size_t bad = first_invalid_utf8(line_); bad != std::string_view::npos) {
    throw input_error(
        "{}:{}: expected UTF-8, found byte 0x{:02x} at offset {} of the file; it looks like {}; "
        "convert it with: iconv -f "
        "{} -t UTF-8",
        where_, number_, static_cast<unsigned char>(line_[bad]), line_offset_ + bad,
        guess_encoding(line_, bad),
        guess_encoding(line_, bad).substr(0, guess_encoding(line_, bad).find(' ')));
  }
  if (number_ == 1 && line_.size() >= 4 && line_.find('\0') != std::string::npos) {
    throw input_error(
        "{}:1: expected UTF-8, found a zero byte at offset {}; it looks like UTF-16 without a mark",
        where_, line_offset_ + line_.find('\0'));
  }
  line = line_;
  return true;
}

}  // namespace bantam
