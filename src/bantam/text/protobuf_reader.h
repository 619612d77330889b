// Walking through a message of protocol buffers (https://protobuf.dev/programming-guides/encoding).
#pragma once

#include <cstdint>
#include <string_view>

namespace bantam {

/// One field after another. Throws Error(input) naming the byte where the message is cut or uses an
/// encoding that is not understood. Bytes count from the beginning of the whole file.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message, std::size_t base = 0)
      : message_(message), base_(base) {}

  /// Moves on to the next field; false at the end.
  bool next();
  int field() const { return field_; }
  /// Of the current field, if it holds such a value; throws otherwise.
  std::int64_t integer() const;
  bool boolean() const { return integer() != 0; }
  float real() const;
  std::string_view bytes() const;
  ProtobufReader message() const { return ProtobufReader(bytes(), base_ + value_at_); }

 private:
  enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  std::uint64_t varint();
  void skip(std::uint64_t count);
  void require(Wire wire, const char* what) const;

  std::string_view message_;
  std::size_t base_;
  std::size_t at_ = 0;
  int field_ = 0;
  Wire wire_ = Wire::varint;
  std::uint64_t number_ = 0;
  std::size_t value_at_ = 0;
};

}  // namespace bantam
