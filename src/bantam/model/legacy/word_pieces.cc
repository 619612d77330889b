// As transformers' BertTokenizer reads vocab.txt.
#include <unordered_map>

#include "bantam/base/error.h"
#include "bantam/model/legacy/readers.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr const char* file = "vocab.txt";
constexpr std::string_view classes[] = {
    "BertTokenizer",        "ElectraTokenizer",  "DistilBertTokenizer", "MobileBertTokenizer",
    "SqueezeBertTokenizer", "ConvBertTokenizer", "LayoutLMTokenizer"};
constexpr std::string_view model_types[] = {"bert", "electra", "distilbert", "mobilebert"};

void require_known_class(const TokenizerFolder& folder) {
  const bool by_class = std::ranges::count(classes, folder.class_name) > 0;
  const bool by_type =
      folder.class_name.empty() &&
      (folder.model_type.empty() || std::ranges::count(model_types, folder.model_type) > 0);
  if (by_class || by_type) return;
  folder.refuse_class(file,
                      "BertTokenizer, DistilBertTokenizer, ElectraTokenizer and "
                      "MobileBertTokenizer");
}

/// An empty line is an id without a token; those at the end are none.
void read_lines(const TokenizerFolder& folder, Vocabulary& vocabulary) {
  const std::string text = read_file(folder.path / file, kMaxVocabularyBytes);
  std::unordered_map<std::string_view, std::size_t> lines;
  const std::string_view view = text;
  for (std::size_t at = 0; at < view.size();) {
    const std::size_t end = std::min(view.find('\n', at), view.size());
    std::string_view line = view.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    const std::size_t number = vocabulary.tokens.size() + 1;
    if (!is_valid_utf8(line)) {
      throw input_error("{}: line {}: expected UTF-8, found '{}'", folder.where(file), number,
                        escaped(line));
    }
    const auto [other, is_new] = lines.try_emplace(line, number);
    if (!line.empty() && !is_new) {
      throw input_error("{}: lines {} and {} are both '{}'", folder.where(file), other->second,
                        number, escaped(line));
    }
    vocabulary.tokens.emplace_back(line);
    vocabulary.types.push_back(line.empty() ? TokenType::unused : TokenType::normal);
  }
  while (!vocabulary.types.empty() && vocabulary.types.back() == TokenType::unused) {
    vocabulary.tokens.pop_back();
    vocabulary.types.pop_back();
  }
  if (vocabulary.tokens.empty()) {
    throw input_error("{}: expected a token on each line, found none", folder.where(file));
  }
}

void set_parts(const HfConfig& settings, Vocabulary& vocabulary) {
  if (!settings.boolean("do_basic_tokenize").value_or(true)) {
    throw input_error("{}: 'do_basic_tokenize': expected true, found false", settings.where());
  }
  const auto strip = settings.boolean("strip_accents");
  vocabulary.normalizer_json = dump_json(
      {{"type", "BertNormalizer"},
       {"clean_text", true},
       {"handle_chinese_chars", settings.boolean("tokenize_chinese_chars").value_or(true)},
       {"strip_accents", strip ? Json(*strip) : Json(nullptr)},
       {"lowercase", settings.boolean("do_lower_case").value_or(true)}});
  vocabulary.pre_tokenizer_json = dump_json({{"type", "BertPreTokenizer"}});
  vocabulary.decoder_json = dump_json({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}});
}

}  // namespace

Vocabulary read_word_pieces(const TokenizerFolder& folder) {
  require_known_class(folder);
  Vocabulary vocabulary;
  vocabulary.kind = TokenModelKind::word_piece;
  vocabulary.pre = "";
  vocabulary.continuing_subword_prefix = "##";
  vocabulary.emit_unk = true;
  read_lines(folder, vocabulary);
  set_parts(folder.settings, vocabulary);
  SpecialTokens special(folder, file, vocabulary);
  const std::int32_t cls = special.require("cls_token", {.text = "[CLS]"});
  const std::int32_t sep = special.require("sep_token", {.text = "[SEP]"});
  vocabulary.unk = special.require("unk_token", {.text = "[UNK]"});
  vocabulary.pad = special.find("pad_token", {.text = "[PAD]"});
  special.find("mask_token", {.text = "[MASK]"});
  special.place_additional();
  vocabulary.bos = cls;
  vocabulary.eos = sep;
  vocabulary.add_bos = vocabulary.add_eos = true;
  const std::vector<TemplatePart> single = {special_part(cls), text_part(0), special_part(sep)};
  std::vector<TemplatePart> pair = single;
  pair.insert(pair.end(), {text_part(1, 1), special_part(sep, 1)});
  vocabulary.post_processor_json = dump_json(template_processing(single, pair, vocabulary));
  return vocabulary;
}

}  // namespace bantam
