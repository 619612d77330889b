// SentencePiece cuts a text into pieces, and vocab.json says which ids they have: as transformers'
// MarianTokenizer and M2M100Tokenizer do it. Pieces that vocab.json lacks become <unk>. Into what
// only vocab.json has, such as the pieces of Marian's target language, no text is cut; but
// characters that the model does not know are looked up there too.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "bantam/base/error.h"
#include "bantam/model/legacy/fairseq_languages.h"
#include "bantam/model/legacy/readers.h"

namespace bantam {
namespace {

constexpr const char* vocab_file = "vocab.json";

bool is_found(TokenType type) {
  return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::byte;
}

/// As in Python's str.strip(): no white space at the ends of a text.
void strip_when_decoding(Vocabulary& vocabulary) {
  constexpr int all = 1 << 20;
  Json decoder = parse_json(vocabulary.decoder_json);
  decoder["decoders"].push_back(
      {{"type", "Strip"}, {"content", " "}, {"start", all}, {"stop", all}});
  vocabulary.decoder_json = dump_json(decoder);
}

/// The vocabulary of `vocab_file` with the scores of the pieces.
Vocabulary mapped(const TokenizerFolder& folder, const char* pieces_file) {
  const Vocabulary pieces = read_sentence_piece(folder, pieces_file);
  Vocabulary vocabulary = pieces;
  vocabulary.tokens = read_vocab_json(folder, vocab_file);
  vocabulary.types.assign(vocabulary.tokens.size(), TokenType::normal);
  vocabulary.scores.assign(vocabulary.tokens.size(), -std::numeric_limits<double>::infinity());
  vocabulary.bos = vocabulary.eos = vocabulary.unk = vocabulary.pad = std::nullopt;
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) ids[vocabulary.tokens[id]] = id;
  for (std::size_t i = 0; i < pieces.tokens.size(); ++i) {
    if (!is_found(pieces.types[i])) continue;
    if (const auto id = ids.find(pieces.tokens[i]); id != ids.end()) {
      vocabulary.types[id->second] = pieces.types[i];
      vocabulary.scores[id->second] = pieces.scores[i];
    } else {
      vocabulary.unlisted.push_back({pieces.tokens[i], pieces.scores[i]});
    }
  }
  strip_when_decoding(vocabulary);
  return vocabulary;
}

/// Special tokens are found before SentencePiece sees a text, so nothing is said by their scores.
void finish_special_tokens(Vocabulary& vocabulary) {
  for (AddedTokenMatch& match : vocabulary.matching) match.normalized = false;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (type != TokenType::control && type != TokenType::user_defined) continue;
    const bool no_piece = id >= vocabulary.scores.size() || std::isinf(vocabulary.scores[id]);
    if (!no_piece) continue;
    if (type == TokenType::user_defined) vocabulary.cuts_user_defined = true;
    if (id < vocabulary.scores.size()) vocabulary.scores[id] = 0;
  }
}

void set_around(Vocabulary& vocabulary, std::optional<std::int32_t> before, std::int32_t end) {
  std::vector<TemplatePart> single, pair;
  for (std::vector<TemplatePart>* parts : {&single, &pair}) {
    if (before) parts->push_back(special_part(*before));
    parts->push_back(text_part(0));
    if (parts == &pair) parts->push_back(text_part(1));
    parts->push_back(special_part(end));
  }
  vocabulary.add_eos = true;
  vocabulary.post_processor_json = dump_json(template_processing(single, pair, vocabulary));
}

}  // namespace

Vocabulary read_marian_pieces(const TokenizerFolder& folder) {
  // The pieces of target.spm are in vocab.json; to cut answers into them is for training only.
  constexpr const char* pieces_file = "source.spm";
  if (!folder.class_name.empty() && folder.class_name != "MarianTokenizer") {
    folder.refuse_class(pieces_file, "MarianTokenizer");
  }
  const HfConfig& settings = folder.settings;
  if (settings.boolean("separate_vocabs").value_or(false)) {
    throw input_error(
        "{}: 'separate_vocabs': expected false, found true: texts and answers with ids of their "
        "own (target_vocab.json) are not supported",
        settings.where());
  }
  Vocabulary vocabulary = mapped(folder, pieces_file);
  SpecialTokens special(folder, vocab_file, vocabulary);
  vocabulary.eos = special.require("eos_token", {.text = "</s>"});
  vocabulary.unk = special.require("unk_token", {.text = "<unk>"});
  vocabulary.pad = special.find("pad_token", {.text = "<pad>"});
  special.place_additional();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view text = vocabulary.tokens[id];
    const bool code = text.size() > 4 && text.starts_with(">>") && text.ends_with("<<");
    if (code) vocabulary.types[id] = TokenType::user_defined;  // written by users
  }
  finish_special_tokens(vocabulary);
  set_around(vocabulary, std::nullopt, *vocabulary.eos);
  return vocabulary;
}

Vocabulary read_m2m_pieces(const TokenizerFolder& folder) {
  constexpr const char* pieces_file = "sentencepiece.bpe.model";
  const bool by_type = folder.class_name.empty() && folder.model_type == "m2m_100";
  if (!by_type && folder.class_name != "M2M100Tokenizer") {
    folder.refuse_class(pieces_file, "(with vocab.json) M2M100Tokenizer");
  }
  const HfConfig& settings = folder.settings;
  const std::string set = settings.string("language_codes").value_or("m2m100");
  if (set != "m2m100" && set != "wmt21") {
    throw input_error("{}: 'language_codes': expected m2m100 or wmt21, found '{}'",
                      settings.where(), escaped(set));
  }
  const auto codes = set == "wmt21" ? wmt21_languages() : m2m_100_languages();
  const std::string source = settings.string("src_lang").value_or("en");
  if (std::ranges::count(codes, source) == 0) {
    throw input_error("{}: 'src_lang' is '{}', which is not one of the {} languages",
                      settings.where(), escaped(source), codes.size());
  }
  Vocabulary vocabulary = mapped(folder, pieces_file);
  for (const std::string_view code : codes) {
    vocabulary.outside_model.push_back(static_cast<std::int32_t>(vocabulary.tokens.size()));
    vocabulary.tokens.push_back(fmt::format("__{}__", code));
    vocabulary.types.push_back(TokenType::control);
  }
  SpecialTokens special(folder, vocab_file, vocabulary);
  vocabulary.bos = special.require("bos_token", {.text = "<s>"});
  vocabulary.eos = special.require("eos_token", {.text = "</s>"});
  vocabulary.unk = special.require("unk_token", {.text = "<unk>"});
  vocabulary.pad = special.require("pad_token", {.text = "<pad>"});
  special.place_additional();
  finish_special_tokens(vocabulary);
  const auto language = std::ranges::find(vocabulary.tokens, fmt::format("__{}__", source));
  set_around(vocabulary, static_cast<std::int32_t>(language - vocabulary.tokens.begin()),
             *vocabulary.eos);
  return vocabulary;
}

}  // namespace bantam
