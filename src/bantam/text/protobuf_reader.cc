#include "bantam/text/protobuf_reader.h"

#include <bit>

#include "bantam/base/error.h"

namespace bantam {

bool ProtobufReader::next() {
  if (at_ >= message_.size()) return false;
  const std::size_t begin = at_;
  const std::uint64_t key = varint();
  field_ = static_cast<int>(key >> 3 & 0x1FFFFFFF);
  wire_ = static_cast<Wire>(key & 7);
  switch (wire_) {
    case Wire::varint:
      number_ = varint();
      return true;
    case Wire::fixed64:
      skip(8);
      return true;
    case Wire::bytes:
      skip(varint());
      return true;
    case Wire::fixed32:
      skip(4);
      return true;
  }
  throw input_error("byte {}: expected a field of a protocol buffer, found wire type {}",
                    base_ + begin, key & 7);
}

std::uint64_t ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at_ >= message_.size()) throw input_error("byte {}: the file is cut here", base_ + at_);
    const auto byte = static_cast<unsigned char>(message_[at_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  throw input_error("byte {}: expected a number of at most 64 bits", base_ + at_);
}

void ProtobufReader::skip(std::uint64_t count) {
  if (count > message_.size() - at_) {
    throw input_error("byte {}: expected a value of {} bytes, found {}", base_ + at_, count,
                      message_.size() - at_);
  }
  value_at_ = at_;
  at_ += count;
}

void ProtobufReader::require(Wire wire, const char* what) const {
  if (wire_ == wire) return;
  throw input_error("byte {}: field {}: expected {}, found wire type {}", base_ + at_, field_, what,
                    static_cast<int>(wire_));
}

std::int64_t ProtobufReader::integer() const {
  require(Wire::varint, "an integer");
  return static_cast<std::int64_t>(number_);
}

std::string_view ProtobufReader::bytes() const {
  require(Wire::bytes, "bytes");
  return message_.substr(value_at_, at_ - value_at_);
}

float ProtobufReader::real() const {
  require(Wire::fixed32, "a float");
  std::uint32_t bits = 0;
  for (int i = 3; i >= 0; --i) {
    bits =
        bits << 8 | static_cast<unsigned char>(message_[value_at_ + static_cast<std::size_t>(i)]);
  }
  return std::bit_cast<float>(bits);
}

}  // namespace bantam
