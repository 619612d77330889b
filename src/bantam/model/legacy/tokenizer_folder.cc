#include "bantam/model/legacy/tokenizer_folder.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include "bantam/base/error.h"
#include "bantam/base/python_json.h"
#include "bantam/text/sentence_piece_model.h"
#include "bantam/text/tokenizer_json_model.h"

namespace bantam {
namespace {

HfConfig read_if_there(const Path& file) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return HfConfig::read(file);
  return {Json::object(), escaped(file.string())};
}

std::string without_fast(std::string name) {
  constexpr std::string_view fast = "Fast";
  if (name.ends_with(fast)) name.resize(name.size() - fast.size());
  return name;
}

/// The text of "<s>" or {"content": "<s>", …}.
std::string text_of(const HfConfig& settings, const std::string& key) {
  const Json& value = settings.json()[key];
  return value.is_object() ? settings.object(key)->require_string("content")
                           : settings.require_string(key);
}

AddedTokenMatch match_of(const HfConfig& entry, bool special) {
  return {.id = 0,
          .single_word = entry.boolean("single_word").value_or(false),
          .strip_left = entry.boolean("lstrip").value_or(false),
          .strip_right = entry.boolean("rstrip").value_or(false),
          .normalized = entry.boolean("normalized").value_or(!special)};
}

}  // namespace

TokenizerFolder TokenizerFolder::read(const Path& folder) {
  const HfConfig config = read_if_there(folder / "config.json");
  const HfConfig own = read_if_there(folder / "tokenizer_config.json");
  Json settings = own.json();
  if (!own.has("added_tokens_decoder")) {
    const HfConfig map = read_if_there(folder / "special_tokens_map.json");
    for (const auto& [key, value] : map.json().items()) {
      if (key.ends_with("_token") && !value.is_null()) text_of(map, key);  // errors name this file
      settings[key] = value;
    }
  }
  std::string name = own.string("tokenizer_class").value_or("");
  if (name.empty()) name = config.string("tokenizer_class").value_or("");
  return {.path = folder,
          .settings = HfConfig(std::move(settings), own.where()),
          .class_name = without_fast(std::move(name)),
          .model_type = config.string("model_type").value_or("")};
}

std::string TokenizerFolder::where(const char* file) const {
  return escaped((path / file).string());
}

void TokenizerFolder::refuse_class(const char* file, std::string_view known) const {
  if (class_name.empty()) {
    throw input_error(
        "{}: what goes around a text is up to the tokenizer's class, which model type '{}' does "
        "not tell; say it as 'tokenizer_class' in tokenizer_config.json: {}",
        where(file), escaped(model_type), known);
  }
  throw input_error(
      "{}: 'tokenizer_class' is '{}'; known are {} (or save the model with a recent transformers, "
      "which writes tokenizer.json)",
      where(file), escaped(class_name), known);
}

SpecialTokens::SpecialTokens(const TokenizerFolder& folder, const char* file,
                             Vocabulary& vocabulary)
    : folder_(folder), file_(file), vocabulary_(vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  vocabulary.types.resize(count, TokenType::normal);
  for (std::size_t id = 0; id < count; ++id) {
    if (vocabulary.types[id] == TokenType::unused) continue;
    ids_.try_emplace(vocabulary.tokens[id], static_cast<std::int32_t>(id));
  }
  const HfConfig& settings = folder.settings;
  std::map<std::int32_t, std::pair<std::string, HfConfig>> listed;
  if (const auto decoder = settings.object("added_tokens_decoder")) {
    for (const auto& [id, entry] : decoder->json().items()) {
      const std::string where =
          fmt::format("{}: added_tokens_decoder: {}", settings.where(), escaped(id));
      const HfConfig token(entry, where);
      const std::string text = token.require_string("content");
      try {
        listed.insert({json_token_id(parse_json(id), text), {text, token}});
      } catch (const Error& error) {
        throw error.at(where);
      }
    }
  } else {
    const HfConfig added = read_if_there(folder.path / "added_tokens.json");
    for (const auto& [text, id] : added.json().items()) {
      try {
        listed.insert({json_token_id(id, text), {text, HfConfig(Json::object(), added.where())}});
      } catch (const Error& error) {
        throw error.at(added.where());
      }
    }
  }
  for (const auto& [id, token] : listed) place_at(id, token.first, token.second);
}

void SpecialTokens::place_at(std::int32_t id, const std::string& text, const HfConfig& entry) {
  if (text.empty()) throw input_error("{}: token {}: its text is empty", entry.where(), id);
  const auto known = ids_.find(text);
  if (known != ids_.end() && known->second != id) {
    throw input_error("{}: '{}' is token {}, but {} has it as token {}", entry.where(),
                      escaped(text), id, file_, known->second);
  }
  if (known == ids_.end()) {
    try {
      place_token(vocabulary_, id, text, TokenType::user_defined);
    } catch (const Error& error) {
      throw error.at(entry.where());
    }
    vocabulary_.outside_model.push_back(id);
    std::ranges::sort(vocabulary_.outside_model);
    ids_[text] = id;
  }
  const bool special = entry.boolean("special").value_or(false);
  set(id, special ? TokenType::control : TokenType::user_defined, match_of(entry, special));
}

bool SpecialTokens::is_control(std::int32_t id) const {
  return vocabulary_.types[static_cast<std::size_t>(id)] == TokenType::control;
}

void SpecialTokens::set(std::int32_t id, TokenType type, AddedTokenMatch match) {
  vocabulary_.types[static_cast<std::size_t>(id)] = type;
  std::erase_if(vocabulary_.matching, [id](const AddedTokenMatch& m) { return m.id == id; });
  match.id = id;
  if (match.single_word || match.strip_left || match.strip_right || match.normalized) {
    vocabulary_.matching.push_back(match);
  }
}

std::int32_t SpecialTokens::place(const std::string& text, TokenType type, AddedTokenMatch match) {
  const auto known = ids_.find(text);
  if (known != ids_.end()) {
    set(known->second, type, match);
    return known->second;
  }
  const auto id = static_cast<std::int32_t>(vocabulary_.tokens.size());
  vocabulary_.tokens.push_back(text);
  vocabulary_.types.push_back(type);
  vocabulary_.outside_model.push_back(id);
  ids_[text] = id;
  set(id, type, match);
  return id;
}

std::optional<std::int32_t> SpecialTokens::find(const char* key,
                                                const SpecialTokenDefault& otherwise) {
  const HfConfig& settings = folder_.settings;
  const bool named = settings.has(key);
  const std::string text = named ? text_of(settings, key) : otherwise.text;
  const auto known = ids_.find(text);
  if (text.empty() || (!named && known == ids_.end())) return std::nullopt;
  if (named && settings.json()[key].is_object()) {
    return place(text, TokenType::control, match_of(*settings.object(key), true));
  }
  const bool listed =
      settings.has("added_tokens_decoder") && known != ids_.end() && is_control(known->second);
  if (listed) return known->second;  // with how it is matched
  return place(text, TokenType::control,
               {.strip_left = otherwise.strip_left, .normalized = otherwise.normalized});
}

std::int32_t SpecialTokens::require(const char* key, const SpecialTokenDefault& otherwise) {
  if (const auto id = find(key, otherwise)) return *id;
  throw input_error("{}: token '{}' is missing, and '{}' of tokenizer_config.json names no other",
                    folder_.where(file_), otherwise.text, key);
}

void SpecialTokens::place_additional() {
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const HfConfig& settings = folder_.settings;
    if (!settings.has(key) || !settings.json()[key].is_array()) continue;
    for (const Json& value : settings.json()[key]) {
      const HfConfig entry(value.is_string() ? Json{{"content", value}} : value,
                           fmt::format("{}: {}", settings.where(), key));
      const std::string text = entry.require_string("content");
      const auto known = ids_.find(text);
      const bool placed = known != ids_.end() && is_control(known->second);
      if (!text.empty() && !placed) place(text, TokenType::control, match_of(entry, true));
    }
  }
}

TemplatePart special_part(std::int32_t id, std::int32_t type_id) {
  return {.text = -1, .ids = {id}, .type_id = type_id};
}

TemplatePart text_part(int which, std::int32_t type_id) {
  return {.text = which, .ids = {}, .type_id = type_id};
}

std::vector<std::string> read_vocab_json(const TokenizerFolder& folder, const char* file) {
  Json entries;
  std::vector<std::string> tokens;
  std::vector<bool> taken;
  try {
    entries = parse_json(read_file(folder.path / file, kMaxVocabularyBytes));
    if (!entries.is_object() || entries.empty()) {
      throw input_error("expected an object of tokens and their ids");
    }
    tokens.resize(entries.size());
    taken.resize(entries.size());
    for (const auto& [text, value] : entries.items()) {
      const auto id = static_cast<std::size_t>(json_token_id(value, text));
      if (id >= tokens.size()) {
        throw input_error("token '{}' has the id {}, but there are {} tokens: ids have holes",
                          escaped(text), id, tokens.size());
      }
      if (taken[id]) {
        throw input_error("tokens '{}' and '{}' have the same id {}", escaped(tokens[id]),
                          escaped(text), id);
      }
      tokens[id] = text;
      taken[id] = true;
    }
  } catch (const Error& error) {
    const std::string where = folder.where(file);
    throw std::string_view(error.what()).starts_with(where) ? error : error.at(where);
  }
  return tokens;
}

Vocabulary read_sentence_piece(const TokenizerFolder& folder, const char* file) {
  const std::string bytes = read_file(folder.path / file, kMaxVocabularyBytes);
  try {
    return vocabulary_from_sentence_piece(bytes);
  } catch (const Error& error) {
    throw error.at(folder.where(file));
  }
}

}  // namespace bantam
