#include "bantam/text/sentence_piece_model.h"

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/charsmap.h"
#include "bantam/text/protobuf_reader.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view space_symbol = "\u2581";

/// Defaults as in sentencepiece_model.proto; -1 is none.
struct TrainerSpec {
  std::int64_t model_type = 1;  // Unigram
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  std::int64_t unk = 0, bos = 1, eos = 2, pad = -1;
};

void read_piece(ProtobufReader message, Vocabulary& vocabulary) {
  std::string text;
  double score = 0;
  std::int64_t type = 1;
  while (message.next()) {
    if (message.field() == 1) text = message.bytes();
    if (message.field() == 2) score = message.real();
    if (message.field() == 3) type = message.integer();
  }
  const std::size_t id = vocabulary.tokens.size();
  if (text.empty()) throw input_error("piece {}: its text is empty", id);
  if (type < 1 || type > 6) {
    throw input_error("piece {} ('{}'): expected a type from 1 to 6, found {}", id, escaped(text),
                      type);
  }
  vocabulary.tokens.push_back(std::move(text));
  vocabulary.scores.push_back(score);
  vocabulary.types.push_back(static_cast<TokenType>(type));
}

TrainerSpec read_trainer(ProtobufReader message) {
  TrainerSpec spec;
  while (message.next()) {
    switch (message.field()) {
      case 3:
        spec.model_type = message.integer();
        break;
      case 24:
        spec.whitespace_as_suffix = message.boolean();
        break;
      case 35:
        spec.byte_fallback = message.boolean();
        break;
      case 40:
        spec.unk = static_cast<std::int32_t>(message.integer());
        break;
      case 41:
        spec.bos = static_cast<std::int32_t>(message.integer());
        break;
      case 42:
        spec.eos = static_cast<std::int32_t>(message.integer());
        break;
      case 43:
        spec.pad = static_cast<std::int32_t>(message.integer());
        break;
      default:
        break;
    }
  }
  return spec;
}

SentencePieceSpec read_normalizer(ProtobufReader message) {
  SentencePieceSpec spec;
  while (message.next()) {
    if (message.field() == 2) spec.charsmap = message.bytes();
    if (message.field() == 3) spec.add_dummy_prefix = message.boolean();
    if (message.field() == 4) spec.remove_extra_whitespaces = message.boolean();
    if (message.field() == 5) spec.escape_whitespaces = message.boolean();
  }
  return spec;
}

void apply(const TrainerSpec& spec, Vocabulary& vocabulary) {
  constexpr std::int64_t unigram = 1, bpe = 2;
  if (spec.model_type != unigram && spec.model_type != bpe) {
    throw input_error("model type {}: expected 1 (Unigram) or 2 (BPE)", spec.model_type);
  }
  if (spec.whitespace_as_suffix) {
    throw input_error("treat_whitespace_as_suffix: expected false, found true");
  }
  vocabulary.kind =
      spec.model_type == bpe ? TokenModelKind::sentence_piece_bpe : TokenModelKind::unigram;
  vocabulary.byte_fallback = spec.byte_fallback;
  const auto id_of = [&](std::int64_t id) -> std::optional<std::int32_t> {
    const bool exists = id >= 0 && id < static_cast<std::int64_t>(vocabulary.tokens.size());
    return exists ? std::optional(static_cast<std::int32_t>(id)) : std::nullopt;
  };
  vocabulary.unk = id_of(spec.unk);
  vocabulary.bos = id_of(spec.bos);
  vocabulary.eos = id_of(spec.eos);
  vocabulary.pad = id_of(spec.pad);
}

}  // namespace

void set_sentence_piece_parts(Vocabulary& vocabulary, const SentencePieceSpec& spec) {
  Charsmap(spec.charsmap);  // a bad one is found here, with its own offsets
  Json protected_texts = Json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size() && !vocabulary.cuts_user_defined; ++id) {
    if (vocabulary.types[id] == TokenType::user_defined) {
      protected_texts.push_back(vocabulary.tokens[id]);
    }
  }
  vocabulary.normalizer_json =
      dump_json({{"type", "SentencePiece"},
                 {"precompiled_charsmap", encode_base64(spec.charsmap)},
                 {"add_dummy_prefix", spec.add_dummy_prefix},
                 {"remove_extra_whitespaces", spec.remove_extra_whitespaces},
                 {"escape_whitespaces", spec.escape_whitespaces},
                 {"protected", protected_texts}});
  Json steps =
      Json::array({{{"type", "Replace"}, {"pattern", {{"String", space_symbol}}}, {"content", " "}},
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}}});
  if (spec.add_dummy_prefix) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  vocabulary.decoder_json = dump_json({{"type", "Sequence"}, {"decoders", steps}});
}

Vocabulary vocabulary_from_sentence_piece(std::string_view bytes) {
  Vocabulary vocabulary;
  vocabulary.pre = "";
  vocabulary.like_sentence_piece = true;
  vocabulary.cuts_user_defined = false;
  TrainerSpec trainer;
  SentencePieceSpec normalizer;
  ProtobufReader file(bytes);
  while (file.next()) {
    if (file.field() == 1) read_piece(file.message(), vocabulary);
    if (file.field() == 2) trainer = read_trainer(file.message());
    if (file.field() == 3) normalizer = read_normalizer(file.message());
  }
  if (vocabulary.tokens.empty()) throw input_error("expected the pieces of a model, found none");
  apply(trainer, vocabulary);
  set_sentence_piece_parts(vocabulary, normalizer);
  return vocabulary;
}

}  // namespace bantam
