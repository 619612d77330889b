// As transformers' XLMRobertaTokenizer, MBartTokenizer, MBart50Tokenizer and NllbTokenizer read
// sentencepiece.bpe.model: <s> <pad> </s> <unk>, the pieces behind the model's first three, the
// languages, <mask>.
#include <algorithm>
#include <array>

#include "bantam/base/error.h"
#include "bantam/model/legacy/fairseq_languages.h"
#include "bantam/model/legacy/readers.h"
#include "bantam/model/legacy/word_parts.h"
#include "bantam/text/sentence_piece_export.h"

namespace bantam {
namespace {

constexpr const char* file = "sentencepiece.bpe.model";
constexpr std::size_t renamed = 3;  // pieces of the model that get other ids: <unk> <s> </s>

/// Where the source language stands.
enum class Language { none, before, behind };

struct Family {
  std::string_view class_name, model_type;
  TokenModelKind kind;
  std::span<const std::string_view> (*languages)();
  Language language;
  const char* source;  ///< language where no file says it
  bool splits_white_space;
};

std::span<const std::string_view> no_languages() { return {}; }

constexpr Family families[] = {{"XLMRobertaTokenizer", "xlm-roberta", TokenModelKind::unigram,
                                no_languages, Language::none, "", true},
                               {"MBartTokenizer", "mbart", TokenModelKind::unigram, mbart_languages,
                                Language::behind, "en_XX", true},
                               {"MBart50Tokenizer", "", TokenModelKind::unigram, mbart_50_languages,
                                Language::before, "en_XX", false},
                               {"NllbTokenizer", "m2m_100", TokenModelKind::character_bpe,
                                nllb_languages, Language::before, "eng_Latn", false}};

const Family& family_of(const TokenizerFolder& folder) {
  for (const Family& family : families) {
    const bool matches = folder.class_name.empty()
                             ? !family.model_type.empty() && family.model_type == folder.model_type
                             : family.class_name == folder.class_name;
    if (matches) return family;
  }
  folder.refuse_class(file,
                      "XLMRobertaTokenizer, MBartTokenizer, MBart50Tokenizer, NllbTokenizer and "
                      "(with vocab.json) M2M100Tokenizer");
}

void require_pieces_of(const TokenizerFolder& folder, const Family& family,
                       const Vocabulary& pieces) {
  for (std::size_t id = 0; id < renamed; ++id) {
    const bool special = id < pieces.tokens.size() && (pieces.types[id] == TokenType::control ||
                                                       pieces.types[id] == TokenType::unknown);
    if (special) continue;
    throw input_error("{}: piece {}: expected one of <unk>, <s> and </s>, which fairseq renumbers",
                      folder.where(file), id);
  }
  const bool merges = family.kind == TokenModelKind::character_bpe;
  if (merges == (pieces.kind == TokenModelKind::sentence_piece_bpe)) return;
  throw input_error("{}: {} expects a model of {}, found the other kind", folder.where(file),
                    family.class_name, merges ? "BPE" : "Unigram");
}

/// The text that `key` of the settings names.
std::string named_text(const TokenizerFolder& folder, const char* key, const char* otherwise) {
  const HfConfig& settings = folder.settings;
  if (!settings.has(key)) return otherwise;
  return settings.json()[key].is_object() ? settings.object(key)->require_string("content")
                                          : settings.require_string(key);
}

void add(Vocabulary& vocabulary, std::string text, TokenType type, double score) {
  vocabulary.tokens.push_back(std::move(text));
  vocabulary.types.push_back(type);
  vocabulary.scores.push_back(score);
}

/// Fills tokens, types and scores from those of the model.
void renumber(const TokenizerFolder& folder, const Family& family, Vocabulary& vocabulary) {
  const Vocabulary pieces = std::move(vocabulary);
  vocabulary = pieces;
  vocabulary.tokens.clear();
  vocabulary.types.clear();
  vocabulary.scores.clear();
  const std::array<std::string, 4> first = {
      named_text(folder, "bos_token", "<s>"), named_text(folder, "pad_token", "<pad>"),
      named_text(folder, "eos_token", "</s>"), named_text(folder, "unk_token", "<unk>")};
  for (const std::string& text : first) add(vocabulary, text, TokenType::control, 0);
  for (std::size_t id = renamed; id < pieces.tokens.size(); ++id) {
    const bool again = std::ranges::count(first, pieces.tokens[id]) > 0;
    if (again && family.kind == TokenModelKind::character_bpe) continue;
    add(vocabulary, pieces.tokens[id], pieces.types[id], pieces.scores[id]);
  }
  const std::size_t behind = vocabulary.tokens.size();
  for (const std::string_view code : family.languages()) {
    add(vocabulary, std::string(code), TokenType::control, 0);
  }
  add(vocabulary, named_text(folder, "mask_token", "<mask>"), TokenType::control, 0);
  if (family.kind == TokenModelKind::unigram) return;
  vocabulary.scores.clear();
  for (std::size_t id = behind; id < vocabulary.tokens.size(); ++id) {
    vocabulary.outside_model.push_back(static_cast<std::int32_t>(id));
  }
}

std::int32_t source_language(const TokenizerFolder& folder, const Family& family,
                             const Vocabulary& vocabulary) {
  const std::string code = folder.settings.string("src_lang").value_or(family.source);
  const auto found = std::ranges::find(vocabulary.tokens, code);
  if (found != vocabulary.tokens.end()) {
    return static_cast<std::int32_t>(found - vocabulary.tokens.begin());
  }
  throw input_error("{}: 'src_lang' is '{}', which is no token", folder.settings.where(),
                    escaped(code));
}

void set_around(const TokenizerFolder& folder, const Family& family, Vocabulary& vocabulary) {
  const std::int32_t begin = *vocabulary.bos, end = *vocabulary.eos;
  std::vector<TemplatePart> single, pair;
  if (family.language == Language::none) {
    single = {special_part(begin), text_part(0), special_part(end)};
    pair = single;
    pair.insert(pair.end(), {special_part(end), text_part(1), special_part(end)});
    vocabulary.add_bos = vocabulary.add_eos = true;
  } else {
    const std::int32_t source = source_language(folder, family, vocabulary);
    const bool legacy = folder.settings.boolean("legacy_behaviour").value_or(false);
    const bool behind = family.language == Language::behind || legacy;
    for (std::vector<TemplatePart>* parts : {&single, &pair}) {
      if (!behind) parts->push_back(special_part(source));
      parts->push_back(text_part(0));
      if (parts == &pair) parts->push_back(text_part(1));
      parts->push_back(special_part(end));
      if (behind) parts->push_back(special_part(source));
    }
    vocabulary.add_eos = true;
  }
  vocabulary.post_processor_json = dump_json(template_processing(single, pair, vocabulary));
}

}  // namespace

Vocabulary read_fairseq_pieces(const TokenizerFolder& folder) {
  const Family& family = family_of(folder);
  Vocabulary vocabulary = read_sentence_piece(folder, file);
  require_pieces_of(folder, family, vocabulary);
  const std::string charsmap = charsmap_of(vocabulary);
  const bool merges = family.kind == TokenModelKind::character_bpe;
  if (merges) vocabulary = exported_sentence_piece(vocabulary);
  renumber(folder, family, vocabulary);
  use_word_parts(vocabulary, {.charsmap = charsmap,
                              .splits_white_space = family.splits_white_space,
                              .joins_spaces = !family.splits_white_space});
  SpecialTokens special(folder, file, vocabulary);
  vocabulary.bos = special.require("bos_token", {.text = "<s>"});
  vocabulary.pad = special.require("pad_token", {.text = "<pad>"});
  vocabulary.eos = special.require("eos_token", {.text = "</s>"});
  vocabulary.unk = special.require("unk_token", {.text = "<unk>"});
  special.find("mask_token", {.text = "<mask>", .strip_left = true, .normalized = merges});
  special.place_additional();
  set_around(folder, family, vocabulary);
  return vocabulary;
}

}  // namespace bantam
