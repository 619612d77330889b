// Lines of a text file, checked to be UTF-8, with the position that errors need.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bantam/data/byte_stream.h"

namespace bantam {

/// A byte order mark at the start and CRLF ends are accepted and removed. U+2028 is content, not
/// the end of a line.
class LineReader {
 public:
  /// `where` names the file in errors; `longest` is the limit on one line in bytes.
  LineReader(std::unique_ptr<ByteStream> stream, std::string where,
             std::uint64_t longest = std::uint64_t{64} << 20);

  /// The next line without its end; false when there is none. The view holds until the next call.
  /// Throws Error(input) "file:line: ..." on a line over the limit and on bytes that are not UTF-8
  /// (with their offset in the file and a guess); the line is consumed, so that reading may go on
  /// while can_go_on().
  bool next(std::string_view& line);

  /// False after an error of the stream itself (damaged compression, UTF-16): no further line can
  /// be read.
  bool can_go_on() const { return can_go_on_; }
  std::int64_t number() const { return number_; }  ///< of the line returned last, from 1
  const std::string& where() const { return where_; }
  bool had_byte_order_mark() const { return had_byte_order_mark_; }
  bool had_carriage_returns() const { return had_carriage_returns_; }

 private:
  bool fill();
  std::size_t read_block(std::size_t from);
  void check_start();
  /// Appends to line_ up to and including '\n'; false at the end of the stream with nothing read.
  bool take_line(bool& too_long);

  std::unique_ptr<ByteStream> stream_;
  std::string where_;
  std::uint64_t longest_;
  std::string buffer_, line_;
  std::size_t position_ = 0, filled_ = 0;
  std::uint64_t line_offset_ = 0,
                next_offset_ = 0;  // bytes from the start of the (decompressed) file
  std::int64_t number_ = 0;
  bool started_ = false, can_go_on_ = true, had_byte_order_mark_ = false,
       had_carriage_returns_ = false;
};

/// Offset of the first byte that is not valid UTF-8, or npos.
std::size_t first_invalid_utf8(std::string_view text);

}  // namespace bantam
