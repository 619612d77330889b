#include "bantam/model/read_vocabulary.h"

#include <algorithm>
#include <limits>

#include "bantam/base/json.h"
#include "bantam/model/gguf.h"
#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/sentence_piece_model.h"

namespace bantam {
namespace {

constexpr std::string_view space_symbol = "\u2581";

std::optional<std::int32_t> special_id(const GgufFile& file, const char* key, std::size_t count) {
  const auto id = file.integer(key);
  if (!id) return std::nullopt;
  // Converters write 2^32 - 1 where a model has no such token.
  if (*id == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  if (*id < 0 || static_cast<std::uint64_t>(*id) >= count) {
    throw input_error("{}: key '{}' is token {}, but the vocabulary has {}", file.description(),
                      key, *id, count);
  }
  return static_cast<std::int32_t>(*id);
}

void require_one_each(const GgufFile& file, const char* key, std::size_t found,
                      std::size_t tokens) {
  if (found == tokens) return;
  throw input_error("{}: '{}' has {} entries but 'tokenizer.ggml.tokens' has {}",
                    file.description(), key, found, tokens);
}

std::vector<TokenType> token_types(const GgufFile& file, const std::vector<std::string>& tokens) {
  constexpr const char* key = "tokenizer.ggml.token_type";
  std::vector<TokenType> types;
  const auto numbers = file.integers(key);
  if (!numbers) return types;
  require_one_each(file, key, numbers->size(), tokens.size());
  types.reserve(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const std::int64_t type = (*numbers)[id];
    if (type < 1 || type > 6) {
      throw input_error("{}: token {} ('{}') has type {}; expected 1 to 6", file.description(), id,
                        escaped(tokens[id]), type);
    }
    types.push_back(static_cast<TokenType>(type));
    // Anything but <0xNN> has crashed other readers.
    if (types.back() == TokenType::byte && !byte_of_token(tokens[id])) {
      throw input_error(
          "{}: token {} is a byte token with the text '{}'; expected <0x00> to <0xFF>",
          file.description(), id, escaped(tokens[id]));
    }
  }
  return types;
}

std::vector<double> token_scores(const GgufFile& file, std::size_t count) {
  constexpr const char* key = "tokenizer.ggml.scores";
  const auto scores = file.numbers(key);
  if (!scores) {
    throw input_error("{}: key '{}' is missing; this kind of tokenizer needs it",
                      file.description(), key);
  }
  require_one_each(file, key, scores->size(), count);
  return *scores;
}

void read_byte_bpe(const GgufFile& file, Vocabulary& vocabulary) {
  vocabulary.merges = file.require_strings("tokenizer.ggml.merges");
  vocabulary.pre = file.string("tokenizer.ggml.pre").value_or("default");
}

/// What the two kinds of SentencePiece share. The defaults of special ids are llama.cpp's.
template <TokenModelKind kind>
void read_sentence_piece(const GgufFile& file, Vocabulary& vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  const bool unigram = kind == TokenModelKind::unigram;
  vocabulary.kind = kind;
  vocabulary.pre = "";
  vocabulary.scores = token_scores(file, count);
  if (vocabulary.types.empty()) vocabulary.types.assign(count, TokenType::normal);
  vocabulary.byte_fallback = std::ranges::count(vocabulary.types, TokenType::byte) > 0;
  vocabulary.like_sentence_piece = true;
  const auto unk = std::ranges::find(vocabulary.types, TokenType::unknown);
  if (!vocabulary.unk && unk != vocabulary.types.end()) {
    vocabulary.unk = static_cast<std::int32_t>(unk - vocabulary.types.begin());
  }
  vocabulary.add_bos = file.boolean("tokenizer.ggml.add_bos_token").value_or(!unigram);
  vocabulary.add_eos = file.boolean("tokenizer.ggml.add_eos_token").value_or(unigram);
  SentencePieceSpec spec;
  spec.add_dummy_prefix = file.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  spec.remove_extra_whitespaces =
      unigram && file.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false);
  if (const auto map = file.integers("tokenizer.ggml.precompiled_charsmap"); unigram && map) {
    for (const std::int64_t byte : *map) spec.charsmap += static_cast<char>(byte);
  }
  set_sentence_piece_parts(vocabulary, spec);
}

/// llama.cpp keeps WordPiece with a visible space before what begins a word, and nothing before
/// what continues one.
std::string with_word_piece_prefix(const std::string& text) {
  if (text.starts_with(space_symbol)) return text.substr(space_symbol.size());
  const bool named = text.size() > 2 && text.front() == '[' && text.back() == ']';
  return named ? text : "##" + text;
}

bool has_capitals(const Vocabulary& vocabulary) {
  return std::ranges::any_of(vocabulary.tokens, [](std::string_view text) {
    return !text.starts_with('[') &&
           std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
  });
}

Json token_and_id(const Vocabulary& vocabulary, std::int32_t id) {
  return Json::array({vocabulary.tokens[static_cast<std::size_t>(id)], id});
}

void read_word_piece(const GgufFile& file, Vocabulary& vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  vocabulary.kind = TokenModelKind::word_piece;
  vocabulary.pre = "";
  vocabulary.continuing_subword_prefix = "##";
  for (std::size_t id = 0; id < count; ++id) {
    const bool word = vocabulary.types.empty() || vocabulary.types[id] == TokenType::normal;
    if (word) vocabulary.tokens[id] = with_word_piece_prefix(vocabulary.tokens[id]);
  }
  if (const auto cls = special_id(file, "tokenizer.ggml.cls_token_id", count)) {
    vocabulary.bos = cls;
  }
  for (const char* key : {"tokenizer.ggml.seperator_token_id", "tokenizer.ggml.sep_token_id"}) {
    if (const auto sep = special_id(file, key, count)) vocabulary.eos = sep;
  }
  const bool cased = has_capitals(vocabulary);
  vocabulary.normalizer_json = dump_json({{"type", "BertNormalizer"},
                                          {"clean_text", true},
                                          {"handle_chinese_chars", true},
                                          {"strip_accents", nullptr},
                                          {"lowercase", !cased}});
  vocabulary.pre_tokenizer_json = dump_json({{"type", "BertPreTokenizer"}});
  vocabulary.decoder_json = dump_json({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}});
  vocabulary.emit_unk = true;
  vocabulary.add_bos = vocabulary.bos.has_value();
  vocabulary.add_eos = vocabulary.eos.has_value();
}

/// What stands around a text and between two texts of encoders: one separator, or two as in
/// RoBERTa and its kin, which older files do not say.
void set_pair_form(const GgufFile& file, Vocabulary& vocabulary) {
  if (!vocabulary.bos || !vocabulary.eos || !vocabulary.add_bos || !vocabulary.add_eos) return;
  const std::string family = file.string("general.architecture").value_or("");
  const bool word_piece = vocabulary.kind == TokenModelKind::word_piece;
  if (!word_piece && family != "bert" && family != "modern-bert") return;
  const bool two =
      !word_piece && file.boolean("tokenizer.ggml.add_sep_token").value_or(family == "bert");
  Json form = {{"type", two ? "RobertaProcessing" : "BertProcessing"},
               {"sep", token_and_id(vocabulary, *vocabulary.eos)},
               {"cls", token_and_id(vocabulary, *vocabulary.bos)}};
  if (two) {
    form["trim_offsets"] = vocabulary.kind == TokenModelKind::byte_bpe;
    form["add_prefix_space"] = false;
  }
  vocabulary.post_processor_json = dump_json(form);
}

struct Kind {
  std::string_view name;
  void (*read)(const GgufFile& file, Vocabulary& vocabulary);
};

constexpr Kind kinds[] = {{"gpt2", read_byte_bpe},
                          {"llama", read_sentence_piece<TokenModelKind::sentence_piece_bpe>},
                          {"t5", read_sentence_piece<TokenModelKind::unigram>},
                          {"bert", read_word_piece}};

const Kind& kind_of(const GgufFile& file) {
  const std::string name = file.require_string("tokenizer.ggml.model");
  const auto* kind = std::ranges::find(kinds, name, &Kind::name);
  if (kind != std::end(kinds)) return *kind;
  throw input_error(
      "{}: 'tokenizer.ggml.model' is '{}'; expected gpt2 (byte-level BPE), llama, t5 or bert",
      file.description(), escaped(name));
}

}  // namespace

Vocabulary vocabulary_of(const GgufFile& file) {
  const Kind& kind = kind_of(file);
  Vocabulary vocabulary;
  vocabulary.tokens = file.require_strings("tokenizer.ggml.tokens");
  vocabulary.types = token_types(file, vocabulary.tokens);
  const std::size_t count = vocabulary.tokens.size();
  vocabulary.bos = special_id(file, "tokenizer.ggml.bos_token_id", count);
  vocabulary.eos = special_id(file, "tokenizer.ggml.eos_token_id", count);
  vocabulary.unk = special_id(file, "tokenizer.ggml.unknown_token_id", count);
  vocabulary.pad = special_id(file, "tokenizer.ggml.padding_token_id", count);
  vocabulary.add_bos = file.boolean("tokenizer.ggml.add_bos_token").value_or(false);
  vocabulary.add_eos = file.boolean("tokenizer.ggml.add_eos_token").value_or(false);
  kind.read(file, vocabulary);
  set_pair_form(file, vocabulary);
  return vocabulary;
}

}  // namespace bantam
