#include "bantam/text/vocabulary_check.h"

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/post_processor.h"
#include "bantam/text/pre_tokenizer.h"

namespace bantam {
namespace {

void fill_types(Vocabulary& vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  if (count == 0) throw input_error("vocabulary: expected tokens, found none");
  if (count > 0x7FFFFFFF) throw input_error("vocabulary: {} tokens do not fit 31 bits", count);
  if (vocabulary.types.empty()) vocabulary.types.assign(count, TokenType::normal);
  if (vocabulary.types.size() != count) {
    throw input_error("vocabulary: expected a type for each of {} tokens, found {}", count,
                      vocabulary.types.size());
  }
  for (std::size_t id = 0; id < count; ++id) {
    TokenType& type = vocabulary.types[id];
    const std::string& text = vocabulary.tokens[id];
    if (type < TokenType::normal || type > TokenType::byte) {
      throw input_error("vocabulary: token {}: type {} is unknown", id, static_cast<int>(type));
    }
    // Several converters mark turn ends this way; what a user types must not become one.
    if (type == TokenType::user_defined && text.starts_with("<|") && text.ends_with("|>")) {
      type = TokenType::control;
    }
  }
}

void check_id(const char* name, const std::optional<std::int32_t>& id, std::size_t count) {
  if (id && (*id < 0 || static_cast<std::size_t>(*id) >= count)) {
    throw input_error("vocabulary: {} token id: expected 0 to {}, found {}", name, count - 1, *id);
  }
}

bool has_scores(TokenModelKind kind) {
  return kind == TokenModelKind::sentence_piece_bpe || kind == TokenModelKind::unigram;
}

void check_scores(const Vocabulary& vocabulary) {
  const std::size_t count = vocabulary.scores.size();
  if (count > vocabulary.tokens.size()) {
    throw input_error("vocabulary: {} tokens have {} scores", vocabulary.tokens.size(), count);
  }
  for (std::size_t id = count; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::normal || vocabulary.types[id] == TokenType::byte) {
      throw input_error("vocabulary: token {} has no score; the last one belongs to token {}", id,
                        static_cast<std::int64_t>(count) - 1);
    }
  }
  for (std::size_t id = 0; id < vocabulary.scores.size(); ++id) {
    const double score = vocabulary.scores[id];
    if (!std::isfinite(score) && !(std::isinf(score) && score < 0)) {
      throw input_error("vocabulary: token {}: expected a finite score, found {}", id, score);
    }
  }
  for (const UnlistedPiece& piece : vocabulary.unlisted) {
    if (!std::isfinite(piece.score)) {
      throw input_error("vocabulary: piece '{}': expected a finite score, found {}",
                        escaped(piece.text), piece.score);
    }
  }
}

/// Models that look tokens up byte by byte at every place of a text must not meet endless ones.
void check_lengths(const Vocabulary& vocabulary) {
  constexpr std::size_t limit = 4096;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.tokens[id].size() > limit) {
      throw input_error("vocabulary: token {}: expected at most {} bytes, found {}", id, limit,
                        vocabulary.tokens[id].size());
    }
  }
  for (const UnlistedPiece& piece : vocabulary.unlisted) {
    if (piece.text.empty() || piece.text.size() > limit) {
      throw input_error("vocabulary: piece '{}': expected 1 to {} bytes, found {}",
                        escaped(piece.text), limit, piece.text.size());
    }
  }
}

void check_unknown(const Vocabulary& vocabulary) {
  const bool bytes_suffice =
      vocabulary.kind == TokenModelKind::sentence_piece_bpe && ByteTokens(vocabulary).complete();
  if (!vocabulary.unk && !bytes_suffice) {
    throw input_error(
        "vocabulary: no unknown token{}: text without a token could not be encoded",
        vocabulary.kind == TokenModelKind::sentence_piece_bpe ? " and no byte fallback" : "");
  }
}

void fill_parts(Vocabulary& vocabulary) {
  if (vocabulary.kind == TokenModelKind::byte_bpe && vocabulary.pre_tokenizer_json.empty()) {
    const NamedPreTokenizer& named = named_pre_tokenizer(vocabulary.pre);
    vocabulary.pre_tokenizer_json = named.json;
    vocabulary.ignore_merges |= named.ignore_merges;
    if (vocabulary.normalizer_json.empty() && !named.normalizer.empty()) {
      vocabulary.normalizer_json = dump_json({{"type", named.normalizer}});
    }
  }
  const bool bytes = vocabulary.kind == TokenModelKind::byte_bpe;
  if (bytes && vocabulary.decoder_json.empty()) {
    vocabulary.decoder_json = dump_json({{"type", "ByteLevel"},
                                         {"add_prefix_space", true},
                                         {"trim_offsets", true},
                                         {"use_regex", true}});
  }
  if (vocabulary.post_processor_json.empty()) {
    vocabulary.post_processor_json = dump_json(default_post_processor(vocabulary));
  }
  for (std::string* json :
       {&vocabulary.normalizer_json, &vocabulary.pre_tokenizer_json, &vocabulary.decoder_json}) {
    if (json->empty()) *json = "null";
  }
}

}  // namespace

bool is_two_way(const Vocabulary& vocabulary) {
  return vocabulary.unlisted.empty() && std::ranges::count(vocabulary.scores, -INFINITY) == 0;
}

void require_two_way(const Vocabulary& vocabulary, std::string_view format) {
  if (is_two_way(vocabulary)) return;
  const auto never_cut = std::ranges::count(vocabulary.scores, -INFINITY);
  throw input_error(
      "{} has no place for tokens that no text is cut into ({} here) and pieces that have no token "
      "({}); keep the SentencePiece models and vocab.json beside the weights",
      format, never_cut, vocabulary.unlisted.size());
}

void check_vocabulary(Vocabulary& vocabulary) {
  fill_types(vocabulary);
  const std::size_t count = vocabulary.tokens.size();
  check_id("bos", vocabulary.bos, count);
  check_id("eos", vocabulary.eos, count);
  check_id("unk", vocabulary.unk, count);
  check_id("pad", vocabulary.pad, count);
  for (const AddedTokenMatch& match : vocabulary.matching) check_id("added", match.id, count);
  if (vocabulary.kind != TokenModelKind::byte_bpe) check_lengths(vocabulary);
  if (has_scores(vocabulary.kind)) check_scores(vocabulary);
  const bool bpe = vocabulary.kind == TokenModelKind::byte_bpe ||
                   vocabulary.kind == TokenModelKind::character_bpe;
  if (!bpe) check_unknown(vocabulary);
  fill_parts(vocabulary);
}

}  // namespace bantam
