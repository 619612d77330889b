// As transformers' GPT2Tokenizer and RobertaTokenizer read vocab.json and merges.txt.
#include <unordered_set>

#include "bantam/base/error.h"
#include "bantam/model/legacy/readers.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr const char* vocab_file = "vocab.json";
constexpr const char* merges_file = "merges.txt";

enum class Around { nothing, roberta };

struct Reading {
  std::string_view class_name, model_type;
  Around around;
};

constexpr Reading readings[] = {
    {"GPT2Tokenizer", "gpt2", Around::nothing},
    {"GPT2Tokenizer", "opt", Around::nothing},
    {"RobertaTokenizer", "roberta", Around::roberta},
    {"BartTokenizer", "bart", Around::roberta},
    {"LongformerTokenizer", "longformer", Around::roberta},
    {"LEDTokenizer", "led", Around::roberta},
};

Around around_texts(const TokenizerFolder& folder) {
  for (const Reading& reading : readings) {
    const bool matches = folder.class_name.empty() ? reading.model_type == folder.model_type
                                                   : reading.class_name == folder.class_name;
    if (matches) return reading.around;
  }
  folder.refuse_class(vocab_file, "GPT2Tokenizer, RobertaTokenizer and BartTokenizer");
}

void read_merges(const TokenizerFolder& folder, Vocabulary& vocabulary) {
  const std::string text = read_file(folder.path / merges_file, kMaxVocabularyBytes);
  const std::unordered_set<std::string_view> tokens(vocabulary.tokens.begin(),
                                                    vocabulary.tokens.end());
  const std::string_view view = text;
  std::string joined;
  for (std::size_t at = 0, number = 1; at < view.size(); ++number) {
    const std::size_t end = std::min(view.find('\n', at), view.size());
    std::string_view line = view.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    const bool two = space != std::string_view::npos && space > 0 && space + 1 < line.size() &&
                     line.find(' ', space + 1) == std::string_view::npos;
    if (!two || !is_valid_utf8(line)) {
      throw input_error("{}: line {}: expected two tokens with a space between them, found '{}'",
                        folder.where(merges_file), number, escaped(line));
    }
    joined.assign(line.substr(0, space)).append(line.substr(space + 1));
    for (const std::string_view part :
         {line.substr(0, space), line.substr(space + 1), std::string_view(joined)}) {
      if (tokens.contains(part)) continue;
      throw input_error("{}: line {}: '{}' is not a token of {}", folder.where(merges_file), number,
                        escaped(part), vocab_file);
    }
    vocabulary.merges.emplace_back(line);
  }
}

void set_gpt2(SpecialTokens& special, const HfConfig& settings, Vocabulary& vocabulary) {
  const SpecialTokenDefault end{.text = "<|endoftext|>"};
  vocabulary.unk = special.find("unk_token", end);
  vocabulary.bos = special.find("bos_token", end);
  vocabulary.eos = special.find("eos_token", end);
  vocabulary.pad = special.find("pad_token");
  vocabulary.add_bos = vocabulary.bos && settings.boolean("add_bos_token").value_or(false);
  vocabulary.add_eos = vocabulary.eos && settings.boolean("add_eos_token").value_or(false);
}

void set_roberta(SpecialTokens& special, const HfConfig& settings, Vocabulary& vocabulary) {
  vocabulary.bos = special.find("bos_token", {.text = "<s>"});
  vocabulary.eos = special.find("eos_token", {.text = "</s>"});
  const std::int32_t sep = special.require("sep_token", {.text = "</s>"});
  const std::int32_t cls = special.require("cls_token", {.text = "<s>"});
  vocabulary.unk = special.find("unk_token", {.text = "<unk>"});
  vocabulary.pad = special.find("pad_token", {.text = "<pad>"});
  special.find("mask_token", {.text = "<mask>", .strip_left = true});
  vocabulary.add_bos = vocabulary.add_eos = true;
  const auto token = [&](std::int32_t id) {
    return Json::array({vocabulary.tokens[static_cast<std::size_t>(id)], id});
  };
  vocabulary.post_processor_json =
      dump_json({{"type", "RobertaProcessing"},
                 {"sep", token(sep)},
                 {"cls", token(cls)},
                 {"trim_offsets", settings.boolean("trim_offsets").value_or(true)},
                 {"add_prefix_space", settings.boolean("add_prefix_space").value_or(false)}});
}

}  // namespace

Vocabulary read_byte_pairs(const TokenizerFolder& folder) {
  const Around around = around_texts(folder);
  Vocabulary vocabulary;
  vocabulary.kind = TokenModelKind::byte_bpe;
  vocabulary.tokens = read_vocab_json(folder, vocab_file);
  read_merges(folder, vocabulary);
  const bool prefix = folder.settings.boolean("add_prefix_space").value_or(false);
  vocabulary.pre = prefix ? "" : "gpt-2";  // GGUF has no name for the other
  vocabulary.pre_tokenizer_json = dump_json({{"type", "ByteLevel"},
                                             {"add_prefix_space", prefix},
                                             {"trim_offsets", true},
                                             {"use_regex", true}});
  SpecialTokens special(folder, vocab_file, vocabulary);
  around == Around::nothing ? set_gpt2(special, folder.settings, vocabulary)
                            : set_roberta(special, folder.settings, vocabulary);
  special.place_additional();
  return vocabulary;
}

}  // namespace bantam
