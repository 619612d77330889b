#include "bantam/text/charsmap.h"

#include <array>

#include "bantam/base/error.h"

namespace bantam {
namespace {

// Fields of a unit of darts-clone's double array.
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FF; }
std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

constexpr std::string_view base64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  if (blob.empty()) return;
  if (blob.size() < 4) {
    throw input_error("charsmap: expected 4 bytes of size, the map ends at byte {}", blob.size());
  }
  const std::uint64_t trie_bytes = little_endian(blob, 0);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || 4 + trie_bytes > blob.size()) {
    throw input_error(
        "charsmap: expected a trie of {} bytes from byte 4 on, the map ends at byte {}", trie_bytes,
        blob.size());
  }
  units_.reserve(trie_bytes / 4);
  for (std::size_t at = 4; at < 4 + trie_bytes; at += 4) units_.push_back(little_endian(blob, at));
  texts_ = blob.substr(4 + trie_bytes);
  if (texts_.empty() || texts_.back() != '\0') {
    throw input_error("charsmap: expected the last text to end in NUL, the map ends at byte {}",
                      blob.size());
  }
}

std::string_view Charsmap::text_at(std::uint32_t offset) const {
  if (offset >= texts_.size()) {
    throw input_error("charsmap: an entry points to byte {} of {} bytes of text", offset,
                      texts_.size());
  }
  return std::string_view(texts_.data() + offset);  // up to the NUL that the constructor saw
}

template <class Visit>
void Charsmap::visit_prefixes(std::string_view text, Visit visit) const {
  if (units_.empty()) return;
  std::size_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) return;  // NUL ends a key
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) return;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (has_leaf(unit) && node < units_.size() && !visit(i + 1, value_of(units_[node]))) return;
  }
}

std::optional<Charsmap::Match> Charsmap::longest(std::string_view text) const {
  std::size_t length = 0;
  std::uint32_t offset = 0;
  visit_prefixes(text, [&](std::size_t end, std::uint32_t value) {
    length = end;
    offset = value;
    return true;
  });
  if (length == 0) return std::nullopt;
  return Match{length, text_at(offset)};
}

std::optional<Charsmap::Match> Charsmap::shortest(std::string_view text) const {
  std::optional<Match> match;
  visit_prefixes(text, [&](std::size_t end, std::uint32_t value) {
    match = Match{end, text_at(value)};
    return false;
  });
  return match;
}

std::string decode_base64(std::string_view text) {
  std::array<int, 256> digit;
  digit.fill(-1);
  for (std::size_t i = 0; i < base64.size(); ++i)
    digit[static_cast<unsigned char>(base64[i])] = static_cast<int>(i);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == '=' && text.size() - end < 2) --end;
  for (std::size_t i = 0; i < end; ++i) {
    const int value = digit[static_cast<unsigned char>(text[i])];
    if (value < 0)
      throw input_error("base64: byte {}: unexpected '{}'", i, escaped(text.substr(i, 1)));
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++count == 4) {
      for (const int shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift);
      bits = 0;
      count = 0;
    }
  }
  if (count == 1) throw input_error("base64: byte {}: the last group is cut", end);
  if (count >= 2) bytes += static_cast<char>(bits >> (count == 2 ? 4 : 10));
  if (count == 3) bytes += static_cast<char>(bits >> 2);
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= count ? base64[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

}  // namespace bantam
