#include "bantam/text/token_texts.h"

#include "bantam/text/byte_level.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/models/byte_tokens.h"

namespace bantam {
namespace {

bool is_byte_level(const Json& decoder) {
  return decoder.is_null() || json_member(decoder, "type") == Json("ByteLevel");
}

/// What a token that text is encoded as stands for.
std::string bytes_of(const Vocabulary& vocabulary, const Decoder& decoder, bool joins_bytes,
                     const std::string& text) {
  if (joins_bytes) return from_byte_level(text).value_or(text);
  if (vocabulary.byte_fallback) {
    if (const auto byte = byte_of_token(text)) return std::string(1, static_cast<char>(*byte));
  }
  return decoder.inside(text);
}

std::vector<std::string> bytes_of_all(const Vocabulary& vocabulary, const Decoder& decoder,
                                      bool joins_bytes) {
  std::vector<std::string> bytes;
  bytes.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& text = vocabulary.tokens[id];
    const TokenType type = vocabulary.types[id];
    const bool literal = type == TokenType::control || type == TokenType::unused ||
                         type == TokenType::unknown ||
                         (type == TokenType::user_defined && joins_bytes);
    bytes.push_back(literal ? text : bytes_of(vocabulary, decoder, joins_bytes, text));
  }
  return bytes;
}

}  // namespace

TokenTexts::TokenTexts(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary),
      decoder_(Decoder::from_json(parse_json(vocabulary.decoder_json))),
      joins_bytes_(vocabulary.kind == TokenModelKind::byte_bpe &&
                   is_byte_level(parse_json(vocabulary.decoder_json))),
      bytes_(bytes_of_all(vocabulary, decoder_, joins_bytes_)),
      ids_(bytes_) {
  for (std::size_t id = 0; id < bytes_.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (type == TokenType::unused) continue;
    const auto value = static_cast<std::int32_t>(id);
    type == TokenType::control ? ids_.assign(value) : static_cast<void>(ids_.insert(value));
  }
}

std::string TokenTexts::decode(std::span<const std::int32_t> ids,
                               const std::function<bool(std::int32_t)>& skip) const {
  std::string joined;
  std::vector<std::string> tokens;
  for (const std::int32_t id : ids) {
    if (skip(id)) continue;
    if (joins_bytes_) {
      joined += bytes(id);
    } else if (vocabulary_.types[static_cast<std::size_t>(id)] != TokenType::unused) {
      tokens.push_back(vocabulary_.tokens[static_cast<std::size_t>(id)]);
    }
  }
  return joins_bytes_ ? joined : decoder_.decode(std::move(tokens));
}

}  // namespace bantam
