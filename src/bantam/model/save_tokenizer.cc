#include "bantam/model/save_tokenizer.h"

#include <string_view>
#include <utility>

#include "bantam/base/json.h"

namespace bantam {
namespace {

// Special tokens that a vocabulary knows by nothing but the names that encoders give them.
void add_named_tokens(const Tokenizer& tokenizer, Json& special) {
  constexpr std::pair<const char*, std::string_view> kNames[] = {{"cls_token", "[CLS]"},
                                                                 {"sep_token", "[SEP]"},
                                                                 {"mask_token", "[MASK]"},
                                                                 {"mask_token", "<mask>"}};
  for (const auto& [key, text] : kNames) {
    const auto id = tokenizer.find(text);
    if (id && tokenizer.is_special(*id)) special[key] = text;
  }
}

}  // namespace

void save_tokenizer_files(const Tokenizer& tokenizer, const ChatTemplate* chat_template,
                          std::optional<std::int64_t> context, const Path& folder) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  Json special = Json::object();
  const std::pair<const char*, std::optional<std::int32_t>> names[] = {
      {"bos_token", vocabulary.bos},
      {"eos_token", vocabulary.eos},
      {"unk_token", vocabulary.unk},
      {"pad_token", vocabulary.pad}};
  for (const auto& [name, id] : names) {
    if (id) special[name] = tokenizer.token_bytes(*id);
  }
  add_named_tokens(tokenizer, special);
  Json config = special;
  config["add_bos_token"] = vocabulary.add_bos;
  config["add_prefix_space"] = false;
  config["clean_up_tokenization_spaces"] = false;
  if (context) config["model_max_length"] = *context;
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  // The models that read WordPiece tell the texts of a pair apart, which transformers leaves out.
  if (vocabulary.kind == TokenModelKind::word_piece) {
    config["model_input_names"] = {"input_ids", "token_type_ids", "attention_mask"};
  }
  if (chat_template) {
    config["chat_template"] = chat_template->source();
    write_file_atomically(folder / "chat_template.jinja", chat_template->source());
  }
  write_file_atomically(folder / "tokenizer_config.json", dump_json(config, 2) + "\n");
  write_file_atomically(folder / "special_tokens_map.json", dump_json(special, 2) + "\n");
  write_file_atomically(folder / "tokenizer.json", tokenizer.to_tokenizer_json());
}

}  // namespace bantam
