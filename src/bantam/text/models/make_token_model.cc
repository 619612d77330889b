// From a vocabulary's texts to the tables of its model.
#include <array>

#include "bantam/base/error.h"
#include "bantam/text/bpe.h"
#include "bantam/text/byte_level.h"
#include "bantam/text/models/character_bpe.h"
#include "bantam/text/models/sentence_piece_bpe.h"
#include "bantam/text/models/unigram.h"
#include "bantam/text/models/word_models.h"
#include "bantam/text/token_table.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

bool comes_from_merging(TokenType type) {
  return type == TokenType::normal || type == TokenType::byte;
}

/// Ids by text; texts that come from merging first, then those that stand for themselves.
TokenTable ids_by_text(const Vocabulary& vocabulary) {
  TokenTable ids(vocabulary.tokens);
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!comes_from_merging(vocabulary.types[id])) continue;
    const std::int32_t found = ids.insert(static_cast<std::int32_t>(id));
    if (found != static_cast<std::int32_t>(id)) {
      throw input_error("vocabulary: tokens {} and {} have the same text '{}'", found, id,
                        escaped(vocabulary.tokens[id]));
    }
  }
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (comes_from_merging(type) || type == TokenType::unused) continue;
    if (vocabulary.tokens[id].empty()) continue;
    ids.insert(static_cast<std::int32_t>(id));
  }
  return ids;
}

std::vector<Merge> resolve_merges(const Vocabulary& vocabulary, const TokenTable& ids) {
  const std::string& prefix = vocabulary.continuing_subword_prefix;
  std::vector<Merge> merges;
  merges.reserve(vocabulary.merges.size());
  std::string joined;
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string_view text = vocabulary.merges[i];
    const std::size_t space = text.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == text.size()) {
      throw input_error("merge {}: expected 'left right', found '{}'", i, escaped(text));
    }
    const std::string_view left = text.substr(0, space), right = text.substr(space + 1);
    joined.assign(left);
    joined += right.starts_with(prefix) ? right.substr(prefix.size()) : right;
    std::int32_t found[3];
    const std::string_view parts[] = {left, right, joined};
    for (int part = 0; part < 3; ++part) {
      const auto id = ids.find(parts[part]);
      if (!id) {
        throw input_error("merge {}: '{}': '{}' is not a token", i, escaped(text),
                          escaped(parts[part]));
      }
      found[part] = *id;
    }
    // A rule that could spell a control token would let ordinary text write it: left out.
    if (vocabulary.types[static_cast<std::size_t>(found[2])] == TokenType::control) continue;
    merges.push_back({found[0], found[1], found[2]});
  }
  return merges;
}

/// Bytes of printable text. Control characters and the first bytes of planes 4 to 16 may lack a
/// token: published models do, and the reference implementations drop them.
bool text_needs(int byte) {
  if (byte < 0x80) return byte == '\t' || byte == '\n' || (byte >= ' ' && byte < 0x7F);
  return byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF0);
}

std::array<std::int32_t, 256> resolve_bytes(const Vocabulary& vocabulary, const TokenTable& ids) {
  std::array<std::int32_t, 256> byte_ids;
  byte_ids.fill(-1);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string raw(1, static_cast<char>(byte));
    auto id = ids.find(to_byte_level(raw));
    if (!id) id = ids.find(raw);
    const bool usable = id && vocabulary.types[static_cast<std::size_t>(*id)] != TokenType::control;
    if (usable) {
      byte_ids[static_cast<std::size_t>(byte)] = *id;
    } else if (text_needs(byte) && !(vocabulary.emit_unk && vocabulary.unk)) {
      throw input_error(
          "vocabulary: no token for the byte 0x{:02X} and no unknown token: text would vanish",
          byte);
    }
  }
  return byte_ids;
}

std::unique_ptr<const TokenModel> byte_bpe(const Vocabulary& vocabulary) {
  const TokenTable ids = ids_by_text(vocabulary);
  const auto bytes = resolve_bytes(vocabulary, ids);
  return std::make_unique<PairMerger>(bytes, resolve_merges(vocabulary, ids),
                                      vocabulary.emit_unk ? vocabulary.unk.value_or(-1) : -1,
                                      vocabulary.fuse_unk);
}

std::unique_ptr<const TokenModel> character_bpe(const Vocabulary& vocabulary) {
  const TokenTable ids = ids_by_text(vocabulary);
  const bool everything_has_a_token =
      (vocabulary.emit_unk && vocabulary.unk) || ByteTokens(vocabulary).complete();
  if (!everything_has_a_token) resolve_bytes(vocabulary, ids);  // or else all bytes are tokens
  return std::make_unique<CharacterBpe>(vocabulary, resolve_merges(vocabulary, ids));
}

}  // namespace

std::unique_ptr<const TokenModel> make_token_model(const Vocabulary& vocabulary) {
  switch (vocabulary.kind) {
    case TokenModelKind::byte_bpe:
      return byte_bpe(vocabulary);
    case TokenModelKind::character_bpe:
      return character_bpe(vocabulary);
    case TokenModelKind::sentence_piece_bpe:
      return std::make_unique<SentencePieceBpe>(vocabulary);
    case TokenModelKind::unigram:
      return std::make_unique<Unigram>(vocabulary);
    case TokenModelKind::word_piece:
      return std::make_unique<WordPiece>(vocabulary);
    case TokenModelKind::word_level:
      return std::make_unique<WordLevel>(vocabulary);
  }
  throw internal_error("tokenizer: model kind {} is unknown", static_cast<int>(vocabulary.kind));
}

}  // namespace bantam
