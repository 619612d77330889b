#include "bantam/model/load_tokenizer.h"

#include <limits>
#include <system_error>
#include <utility>

#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxTokenizerBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxTemplateBytes = std::uint64_t{1} << 20;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

// A byte token is written <0xNN>; anything else has crashed other readers.
void check_byte_token(const GgufFile& file, std::size_t id, std::string_view text) {
  const bool good = text.size() == 6 && text.starts_with("<0x") && is_hex(text[3]) &&
                    is_hex(text[4]) && text[5] == '>';
  if (!good) {
    throw input_error("{}: token {} is a byte token with the text '{}'; expected <0x00> to <0xFF>",
                      file.description(), id, escaped(text));
  }
}

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

std::vector<TokenType> token_types(const GgufFile& file, const std::vector<std::string>& tokens) {
  std::vector<TokenType> types;
  const auto numbers = file.integers("tokenizer.ggml.token_type");
  if (!numbers) return types;
  if (numbers->size() != tokens.size()) {
    throw input_error(
        "{}: 'tokenizer.ggml.token_type' has {} entries but 'tokenizer.ggml.tokens' has {}",
        file.description(), numbers->size(), tokens.size());
  }
  types.reserve(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const std::int64_t type = (*numbers)[id];
    if (type < 1 || type > 6) {
      throw input_error("{}: token {} ('{}') has type {}; expected 1 to 6", file.description(), id,
                        escaped(tokens[id]), type);
    }
    types.push_back(static_cast<TokenType>(type));
    if (types.back() == TokenType::byte) check_byte_token(file, id, tokens[id]);
  }
  return types;
}

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
  BytePairVocabulary vocabulary = tokenizer->vocabulary();
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
  return Tokenizer::from_vocabulary(std::move(vocabulary));
}

std::shared_ptr<const Tokenizer> tokenizer_of_folder(const Path& folder) {
  const Path file = folder / "tokenizer.json";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw input_error(
        "{}: tokenizer.json is missing; save the model with a recent transformers, which writes it",
        escaped(folder.string()));
  }
  const std::string where = escaped(file.string());
  return with_special_tokens(
      Tokenizer::from_tokenizer_json(read_file(file, kMaxTokenizerBytes), where), folder);
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
  const std::string kind = file.require_string("tokenizer.ggml.model");
  if (kind != "gpt2") {
    throw input_error(
        "{}: 'tokenizer.ggml.model' is '{}'; expected gpt2, which is how GGUF calls byte-level BPE",
        file.description(), escaped(kind));
  }
  BytePairVocabulary vocabulary;
  vocabulary.tokens = file.require_strings("tokenizer.ggml.tokens");
  vocabulary.types = token_types(file, vocabulary.tokens);
  vocabulary.merges = file.require_strings("tokenizer.ggml.merges");
  vocabulary.pre = file.string("tokenizer.ggml.pre").value_or("default");
  const std::size_t count = vocabulary.tokens.size();
  vocabulary.bos = special_id(file, "tokenizer.ggml.bos_token_id", count);
  vocabulary.eos = special_id(file, "tokenizer.ggml.eos_token_id", count);
  vocabulary.unk = special_id(file, "tokenizer.ggml.unknown_token_id", count);
  vocabulary.pad = special_id(file, "tokenizer.ggml.padding_token_id", count);
  vocabulary.add_bos = file.boolean("tokenizer.ggml.add_bos_token").value_or(false);
  vocabulary.add_eos = file.boolean("tokenizer.ggml.add_eos_token").value_or(false);
  try {
    return Tokenizer::from_vocabulary(std::move(vocabulary));
  } catch (const Error& problem) {
    throw problem.at(file.description());
  }
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
