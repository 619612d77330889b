// As transformers' T5Tokenizer reads spiece.model.
#include "bantam/base/error.h"
#include "bantam/model/legacy/readers.h"
#include "bantam/model/legacy/word_parts.h"

namespace bantam {
namespace {

constexpr const char* file = "spiece.model";

/// <extra_id_99> … <extra_id_0>, the last one first.
void add_extra_ids(const HfConfig& settings, Vocabulary& vocabulary) {
  const std::int64_t count = settings.integer("extra_ids").value_or(100);
  if (count < 0 || count > 100'000) {
    throw input_error("{}: 'extra_ids': expected 0 to 100,000, found {}", settings.where(), count);
  }
  for (std::int64_t i = count - 1; i >= 0; --i) {
    vocabulary.tokens.push_back(fmt::format("<extra_id_{}>", i));
    vocabulary.types.push_back(TokenType::control);
    vocabulary.scores.push_back(0);
  }
}

}  // namespace

Vocabulary read_t5_pieces(const TokenizerFolder& folder) {
  const bool by_type = folder.class_name.empty() && folder.model_type.ends_with("t5");
  if (!by_type && folder.class_name != "T5Tokenizer" && folder.class_name != "MT5Tokenizer") {
    folder.refuse_class(file, "T5Tokenizer and MT5Tokenizer");
  }
  Vocabulary vocabulary = read_sentence_piece(folder, file);
  if (vocabulary.kind != TokenModelKind::unigram) {
    throw input_error("{}: expected a Unigram model, found one of BPE", folder.where(file));
  }
  const std::string charsmap = charsmap_of(vocabulary);
  add_extra_ids(folder.settings, vocabulary);
  use_word_parts(vocabulary,
                 {.charsmap = charsmap, .splits_white_space = true, .joins_spaces = false});
  SpecialTokens special(folder, file, vocabulary);
  const std::int32_t end = special.require("eos_token", {.text = "</s>"});
  vocabulary.bos.reset();
  vocabulary.eos = end;
  vocabulary.unk = special.require("unk_token", {.text = "<unk>"});
  vocabulary.pad = special.find("pad_token", {.text = "<pad>"});
  special.place_additional();
  vocabulary.add_eos = true;
  const std::vector<TemplatePart> single = {text_part(0), special_part(end)};
  std::vector<TemplatePart> pair = single;
  pair.insert(pair.end(), {text_part(1), special_part(end)});
  vocabulary.post_processor_json = dump_json(template_processing(single, pair, vocabulary));
  return vocabulary;
}

}  // namespace bantam
