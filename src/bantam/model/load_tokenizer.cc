#include "bantam/model/load_tokenizer.h"

#include <system_error>
#include <utility>

#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/legacy/legacy_tokenizer.h"
#include "bantam/model/read_vocabulary.h"
#include "bantam/text/sentence_piece_model.h"
#include "bantam/text/tokenizer_json_model.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxTokenizerBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxTemplateBytes = std::uint64_t{1} << 20;

// "bos_token": "<s>" or {"content": "<s>", …}.
std::optional<std::string> token_text(const HfConfig& config, const char* key) {
  if (!config.has(key)) return std::nullopt;
  if (config.json()[key].is_object()) return config.object(key)->require_string("content");
  return config.string(key);
}

std::optional<std::int32_t> named_token(const HfConfig& config, const char* key,
                                        const Tokenizer& tokenizer) {
  const auto text = token_text(config, key);
  if (!text) return std::nullopt;
  const auto id = tokenizer.find(*text);
  if (!id) {
    throw input_error("{}: '{}' is '{}', which the tokenizer does not have", config.where(), key,
                      escaped(*text));
  }
  return id;
}

// The ids of config.json, for folders whose tokenizer_config.json says nothing.
std::optional<std::int32_t> numbered_token(const HfConfig& config, const char* key, int count) {
  const auto found = config.json().find(key);
  if (found == config.json().end() || !found->is_number_integer()) return std::nullopt;
  const std::int64_t id = *config.integer(key);
  if (id < 0 || id >= count) {
    throw input_error("{}: '{}' is token {}, but the tokenizer has {}", config.where(), key, id,
                      count);
  }
  return static_cast<std::int32_t>(id);
}

// tokenizer.json does not say which tokens begin and end a text: the files beside it do.
std::shared_ptr<const Tokenizer> with_special_tokens(std::shared_ptr<const Tokenizer> tokenizer,
                                                     const Path& folder) {
  std::error_code ignored;
  Vocabulary vocabulary = tokenizer->vocabulary();
  const auto before = std::tuple(vocabulary.bos, vocabulary.eos, vocabulary.unk, vocabulary.pad,
                                 vocabulary.add_bos);
  const Path own = folder / "tokenizer_config.json", model = folder / "config.json";
  if (std::filesystem::exists(own, ignored)) {
    const HfConfig config = HfConfig::read(own);
    if (const auto id = named_token(config, "bos_token", *tokenizer)) vocabulary.bos = id;
    if (const auto id = named_token(config, "eos_token", *tokenizer)) vocabulary.eos = id;
    if (const auto id = named_token(config, "unk_token", *tokenizer)) vocabulary.unk = id;
    if (const auto id = named_token(config, "pad_token", *tokenizer)) vocabulary.pad = id;
    if (const auto add = config.boolean("add_bos_token")) vocabulary.add_bos = *add;
  }
  if ((!vocabulary.bos || !vocabulary.eos) && std::filesystem::exists(model, ignored)) {
    const HfConfig config = HfConfig::read(model);
    const int count = tokenizer->vocabulary_size();
    if (!vocabulary.bos) vocabulary.bos = numbered_token(config, "bos_token_id", count);
    if (!vocabulary.eos) vocabulary.eos = numbered_token(config, "eos_token_id", count);
  }
  if (before == std::tuple(vocabulary.bos, vocabulary.eos, vocabulary.unk, vocabulary.pad,
                           vocabulary.add_bos)) {
    return tokenizer;
  }
  // What goes around a text has changed with them.
  if (vocabulary.add_bos != std::get<4>(before)) vocabulary.post_processor_json.clear();
  return Tokenizer::from_vocabulary(std::move(vocabulary));
}

// Tokens that a Hugging Face folder adds to its SentencePiece model.
void add_tokens(const HfConfig& config, Vocabulary& vocabulary) {
  const auto added = config.object("added_tokens_decoder");
  if (!added) return;
  for (const auto& [name, entry] : added->json().items()) {
    const HfConfig token(entry, fmt::format("{}: added_tokens_decoder: {}", config.where(), name));
    const std::int32_t id = json_token_id(parse_json(name), token.require_string("content"));
    const auto at = static_cast<std::size_t>(id);
    if (at < vocabulary.tokens.size()) continue;  // a piece of the model
    place_token(
        vocabulary, id, token.require_string("content"),
        token.boolean("special").value_or(false) ? TokenType::control : TokenType::user_defined);
  }
}

// Which tokens go around a text is not in the model but in the class that Hugging Face reads it
// with.
void add_class_defaults(const HfConfig& config, Vocabulary& vocabulary) {
  const std::string name = config.string("tokenizer_class").value_or("");
  vocabulary.add_bos = name.starts_with("Llama") || name.starts_with("Gemma");
  vocabulary.add_eos = name.starts_with("T5");
  if (const auto add = config.boolean("add_eos_token")) vocabulary.add_eos = *add;
}

std::shared_ptr<const Tokenizer> tokenizer_of_sentence_piece(const Path& folder) {
  const Path file = folder / "tokenizer.model", config = folder / "tokenizer_config.json";
  try {
    Vocabulary vocabulary = vocabulary_from_sentence_piece(read_file(file, kMaxTokenizerBytes));
    if (std::error_code ignored; std::filesystem::exists(config, ignored)) {
      const HfConfig read = HfConfig::read(config);
      add_tokens(read, vocabulary);
      add_class_defaults(read, vocabulary);
    }
    return Tokenizer::from_vocabulary(std::move(vocabulary));
  } catch (const Error& problem) {
    throw problem.at(escaped(file.string()));
  }
}

std::shared_ptr<const Tokenizer> tokenizer_of_folder(const Path& folder) {
  const Path file = folder / "tokenizer.json", model = folder / "tokenizer.model";
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {
    const std::string where = escaped(file.string());
    return with_special_tokens(
        Tokenizer::from_tokenizer_json(read_file(file, kMaxTokenizerBytes), where), folder);
  }
  if (std::filesystem::exists(model, ignored)) {
    return with_special_tokens(tokenizer_of_sentence_piece(folder), folder);
  }
  if (auto tokenizer = load_legacy_tokenizer(folder)) return tokenizer;
  throw input_error(
      "{}: tokenizer.json is missing, and so are the files of older tokenizers (tokenizer.model, "
      "spiece.model, sentencepiece.bpe.model, source.spm, vocab.json with merges.txt, vocab.txt); "
      "save the model with a recent transformers, which writes the first",
      escaped(folder.string()));
}

std::optional<std::string> template_of_config(const HfConfig& config) {
  if (!config.has("chat_template")) return std::nullopt;
  const Json& value = config.json()["chat_template"];
  if (!value.is_array()) return config.string("chat_template");
  for (const Json& entry : value) {
    const HfConfig named(entry, config.where() + ": chat_template");
    if (named.require_string("name") == "default") return named.require_string("template");
  }
  throw input_error("{}: 'chat_template' is a list without an entry named default", config.where());
}

std::shared_ptr<const ChatTemplate> parse_template(const std::string& source,
                                                   const Tokenizer& tokenizer,
                                                   std::string_view where) {
  try {
    return ChatTemplate::parse(source, special_texts(tokenizer));
  } catch (const Error& problem) {
    throw problem.at(where);
  }
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file) {
  Vocabulary vocabulary = vocabulary_of(file);
  try {
    return Tokenizer::from_vocabulary(std::move(vocabulary));
  } catch (const Error& problem) {
    throw problem.at(file.description());
  }
}

bool has_tokenizer(const Path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / "tokenizer.json", ignored) ||
         std::filesystem::exists(folder / "tokenizer.model", ignored) ||
         has_legacy_tokenizer(folder);
}

std::shared_ptr<const Tokenizer> load_tokenizer(const Path& model) {
  std::error_code ignored;
  if (std::filesystem::is_directory(model, ignored)) return tokenizer_of_folder(model);
  return tokenizer_of(*GgufFile::open(model, WeightCheck::never));
}

std::shared_ptr<const ChatTemplate> chat_template_of(const GgufFile& file,
                                                     const Tokenizer& tokenizer) {
  const auto source = file.string("tokenizer.chat_template");
  if (!source) return nullptr;
  return parse_template(*source, tokenizer, file.description() + ": tokenizer.chat_template");
}

std::shared_ptr<const ChatTemplate> load_chat_template(const Path& model,
                                                       const Tokenizer& tokenizer) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(model, ignored))
    return chat_template_of(*GgufFile::open(model, WeightCheck::never), tokenizer);
  const Path own = model / "chat_template.jinja", config = model / "tokenizer_config.json";
  if (std::filesystem::exists(own, ignored))
    return parse_template(read_file(own, kMaxTemplateBytes), tokenizer, escaped(own.string()));
  if (!std::filesystem::exists(config, ignored)) return nullptr;
  const auto source = template_of_config(HfConfig::read(config));
  if (!source) return nullptr;
  return parse_template(*source, tokenizer, escaped(config.string()) + ": chat_template");
}

}  // namespace bantam
