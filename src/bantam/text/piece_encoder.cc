#include "bantam/text/piece_encoder.h"

#include <cmath>

#include "bantam/text/byte_level.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

constexpr std::string_view space_symbol = "\u2581";

/// The end of the word that begins at `at`: where a space follows another character.
std::size_t word_end(std::string_view piece, std::size_t at, std::string_view space) {
  while (piece.substr(at).starts_with(space)) at += space.size();
  return std::min(piece.find(space, at), piece.size());
}

/// Whether every token lies inside one word, and a lone space is a token.
bool words_are_independent(const Vocabulary& vocabulary) {
  const bool merges = vocabulary.kind == TokenModelKind::character_bpe ||
                      vocabulary.kind == TokenModelKind::sentence_piece_bpe;
  if (!merges || vocabulary.ignore_merges || !vocabulary.continuing_subword_prefix.empty() ||
      !vocabulary.end_of_word_suffix.empty()) {
    return false;
  }
  if (!vocabulary.unlisted.empty()) return false;
  bool space_is_token = false;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view text = vocabulary.tokens[id];
    if (vocabulary.types[id] == TokenType::control) continue;
    if (word_end(text, 0, space_symbol) != text.size()) return false;
    space_is_token |= text == space_symbol && vocabulary.types[id] == TokenType::normal;
  }
  return space_is_token;
}

}  // namespace

PieceEncoder::PieceEncoder(const Vocabulary& vocabulary)
    : model_(make_token_model(vocabulary)), unk_(vocabulary.unk.value_or(-1)) {
  if (words_are_independent(vocabulary)) word_begin_ = space_symbol;
  for (std::size_t id = 0; id < vocabulary.scores.size(); ++id) {
    if (vocabulary.types[id] != TokenType::normal || !std::isinf(vocabulary.scores[id])) continue;
    never_cut_.try_emplace(vocabulary.tokens[id], static_cast<std::int32_t>(id));
  }
  if (!vocabulary.ignore_merges) return;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] != TokenType::normal) continue;
    const std::string& text = vocabulary.tokens[id];
    const bool bytes = vocabulary.kind == TokenModelKind::byte_bpe;
    whole_pieces_.try_emplace(bytes ? from_byte_level(text).value_or(text) : text,
                              static_cast<std::int32_t>(id));
  }
}

void PieceEncoder::encode(std::string_view piece, std::vector<MergedToken>& tokens) const {
  if (word_begin_.empty()) return encode_word(piece, tokens);
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t end = word_end(piece, at, word_begin_);
    encode_word(piece.substr(at, end - at), tokens);
    at = end;
  }
}

void PieceEncoder::encode_word(std::string_view word, std::vector<MergedToken>& tokens) const {
  if (cache_.find(word, tokens)) return;
  const std::size_t first = tokens.size();
  if (const auto whole =
          whole_pieces_.empty() ? whole_pieces_.end() : whole_pieces_.find(std::string(word));
      whole != whole_pieces_.end()) {
    tokens.push_back({whole->second, static_cast<std::uint32_t>(word.size())});
  } else {
    model_->encode(word, tokens);
    if (!never_cut_.empty()) name_unknowns(word, std::span(tokens).subspan(first));
  }
  cache_.store(word, tokens.data() + first, tokens.size() - first);
}

void PieceEncoder::name_unknowns(std::string_view word, std::span<MergedToken> tokens) const {
  std::size_t at = 0;
  for (MergedToken& token : tokens) {
    if (token.id == unk_) {
      const auto named = never_cut_.find(std::string(word.substr(at, token.length)));
      if (named != never_cut_.end()) token.id = named->second;
    }
    at += token.length;
  }
}

}  // namespace bantam
