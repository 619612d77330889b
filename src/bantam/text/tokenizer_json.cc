#include "bantam/text/tokenizer_json.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/normalizer.h"
#include "bantam/text/pre_tokenizer.h"

namespace bantam {
namespace {

constexpr std::size_t size_limit = std::size_t{256} << 20;
constexpr std::int64_t id_limit = std::int64_t{1} << 22;  // bounds what one large id can allocate

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

bool flag(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (value.is_null()) return false;
  if (!value.is_boolean()) {
    throw input_error("{}: expected true or false, found {}", key, escaped(dump_json(value)));
  }
  return value.get<bool>();
}

std::int32_t token_id(const Json& value, std::string_view token) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() >= std::uint64_t{id_limit}) ||
      value.get<std::int64_t>() >= id_limit) {
    throw input_error("token '{}': expected an id from 0 to {}, found {}", escaped(token),
                      id_limit - 1, escaped(dump_json(value)));
  }
  return value.get<std::int32_t>();
}

void place_token(BytePairVocabulary& vocabulary, std::int32_t id, const std::string& text,
                 TokenType type) {
  if (static_cast<std::size_t>(id) >= vocabulary.tokens.size()) {
    vocabulary.tokens.resize(id + 1);
    vocabulary.types.resize(id + 1, TokenType::unused);
  }
  if (vocabulary.types[id] != TokenType::unused && vocabulary.tokens[id] != text) {
    throw input_error("tokens '{}' and '{}' have the same id {}", escaped(vocabulary.tokens[id]),
                      escaped(text), id);
  }
  vocabulary.tokens[id] = text;
  vocabulary.types[id] = type;
}

void read_model(const Json& model, BytePairVocabulary& vocabulary) {
  if (!model.is_object() || member(model, "type") != Json("BPE")) {
    throw input_error("model: expected type BPE, found {}",
                      escaped(dump_json(model.is_object() ? member(model, "type") : model)));
  }
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json& value = member(model, key);
    if (!value.is_null() && value != Json("") && value != Json(0.0)) {
      throw input_error("model: {}: expected null, found {}", key, escaped(dump_json(value)));
    }
  }
  if (flag(model, "byte_fallback")) {
    throw input_error(
        "model: byte_fallback: expected byte-level BPE, found SentencePiece-style BPE");
  }
  vocabulary.ignore_merges = flag(model, "ignore_merges");
  const Json& tokens = member(model, "vocab");
  if (!tokens.is_object()) throw input_error("model: expected an object `vocab`");
  for (const auto& [text, id] : tokens.items()) {
    place_token(vocabulary, token_id(id, text), text, TokenType::normal);
  }
  const Json& merges = member(model, "merges");
  if (!merges.is_array()) throw input_error("model: expected a list `merges`");
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = merges[i];
    if (merge.is_string()) {
      vocabulary.merges.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      vocabulary.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      throw input_error("merge {}: expected two tokens, found {}", i, escaped(dump_json(merge)));
    }
  }
}

void read_unknown(const Json& model, BytePairVocabulary& vocabulary) {
  const Json& unknown = member(model, "unk_token");
  if (unknown.is_null()) return;
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(),
                               unknown.is_string() ? unknown.get<std::string>() : "");
  if (!unknown.is_string() || found == vocabulary.tokens.end()) {
    throw input_error("model: unk_token {} is not a token", escaped(dump_json(unknown)));
  }
  vocabulary.unk = static_cast<std::int32_t>(found - vocabulary.tokens.begin());
  vocabulary.emit_unk = true;
  vocabulary.fuse_unk = flag(model, "fuse_unk");
}

void read_added_tokens(const Json& list, BytePairVocabulary& vocabulary) {
  if (list.is_null()) return;
  if (!list.is_array()) throw input_error("added_tokens: expected a list");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list[i];
    const Json& content = entry.is_object() ? member(entry, "content") : entry;
    if (!entry.is_object() || !content.is_string()) {
      throw input_error("added_tokens: entry {}: expected an object with content, found {}", i,
                        escaped(dump_json(entry)));
    }
    const auto text = content.get<std::string>();
    if (text.empty()) throw input_error("added_tokens: entry {}: its text is empty", i);
    const std::int32_t id = token_id(member(entry, "id"), text);
    const bool special = flag(entry, "special");
    place_token(vocabulary, id, text, special ? TokenType::control : TokenType::user_defined);
    const AddedTokenMatch match{id, flag(entry, "single_word"), flag(entry, "lstrip"),
                                flag(entry, "rstrip"), flag(entry, "normalized")};
    if (match.single_word || match.strip_left || match.strip_right || match.normalized) {
      vocabulary.matching.push_back(match);
    }
  }
}

std::int32_t id_of(const BytePairVocabulary& vocabulary, const Json& text) {
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(),
                               text.is_string() ? text.get<std::string>() : "");
  if (!text.is_string() || found == vocabulary.tokens.end()) {
    throw input_error("post_processor: {} is not a token", escaped(dump_json(text)));
  }
  return static_cast<std::int32_t>(found - vocabulary.tokens.begin());
}

/// Which tokens the post-processor puts around a single text.
void read_post_processor(const Json& value, BytePairVocabulary& vocabulary) {
  if (value.is_null()) return;
  const Json& type = value.is_object() ? member(value, "type") : value;
  if (type == Json("ByteLevel")) return;  // only moves offsets
  if (type == Json("Sequence")) {
    const Json& steps = member(value, "processors");
    if (!steps.is_array()) throw input_error("post_processor: expected a list `processors`");
    for (const Json& step : steps) {
      if (step.is_object() && member(step, "type") == Json("Sequence")) {
        throw input_error("post_processor: Sequence inside a Sequence");
      }
      read_post_processor(step, vocabulary);
    }
    return;
  }
  if (type == Json("RobertaProcessing") || type == Json("BertProcessing")) {
    for (const char* key : {"cls", "sep"}) {
      const Json& pair = member(value, key);
      const std::int32_t id = id_of(vocabulary, pair.is_array() && !pair.empty() ? pair[0] : pair);
      (key[0] == 'c' ? vocabulary.bos : vocabulary.eos) = id;
    }
    vocabulary.add_bos = vocabulary.add_eos = true;
    return;
  }
  const Json& single = type == Json("TemplateProcessing") ? member(value, "single") : type;
  if (!single.is_array()) {
    throw input_error("post_processor: type {} is unknown", escaped(dump_json(type)));
  }
  bool before = true;
  for (const Json& step : single) {
    if (step.is_object() && step.contains("Sequence")) {
      before = false;
    } else if (step.is_object() && step.contains("SpecialToken") &&
               step["SpecialToken"].is_object()) {
      const std::int32_t id = id_of(vocabulary, member(step["SpecialToken"], "id"));
      if (before ? vocabulary.add_bos : vocabulary.add_eos) {
        throw input_error("post_processor: expected one token on each side of the text");
      }
      (before ? vocabulary.bos : vocabulary.eos) = id;
      (before ? vocabulary.add_bos : vocabulary.add_eos) = true;
    }
  }
}

std::string gguf_name(const BytePairVocabulary& vocabulary, const PreTokenizer& pre_tokenizer,
                      const Normalizer& normalizer) {
  for (const NamedPreTokenizer& named : named_pre_tokenizers()) {
    const bool nfc = normalizer.form() == Normalizer::Form::nfc;
    if (named.ignore_merges == vocabulary.ignore_merges && nfc == (named.normalizer == "NFC") &&
        PreTokenizer::from_name(named.name).signature() == pre_tokenizer.signature()) {
      return std::string(named.name);
    }
  }
  return "";
}

Json added_token_json(const BytePairVocabulary& vocabulary, std::int32_t id) {
  AddedTokenMatch match{.id = id};
  for (const AddedTokenMatch& other : vocabulary.matching) {
    if (other.id == id) match = other;
  }
  return {{"id", id},
          {"content", vocabulary.tokens[id]},
          {"single_word", match.single_word},
          {"lstrip", match.strip_left},
          {"rstrip", match.strip_right},
          {"normalized", match.normalized},
          {"special", vocabulary.types[id] == TokenType::control}};
}

Json post_processor_json(const BytePairVocabulary& vocabulary) {
  const bool bos = vocabulary.add_bos && vocabulary.bos;
  const bool eos = vocabulary.add_eos && vocabulary.eos;
  if (!bos && !eos) {
    return {{"type", "ByteLevel"},
            {"add_prefix_space", false},
            {"trim_offsets", false},
            {"use_regex", true}};
  }
  Json tokens = Json::object();
  const auto special = [&](std::int32_t id, int type_id) {
    const std::string& text = vocabulary.tokens[id];
    tokens[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
    return Json{{"SpecialToken", {{"id", text}, {"type_id", type_id}}}};
  };
  const auto around = [&](Json& list, const char* name, int type_id) {
    if (bos) list.push_back(special(*vocabulary.bos, type_id));
    list.push_back({{"Sequence", {{"id", name}, {"type_id", type_id}}}});
    if (eos) list.push_back(special(*vocabulary.eos, type_id));
  };
  Json single = Json::array(), pair = Json::array();
  around(single, "A", 0);
  around(pair, "A", 0);
  around(pair, "B", 1);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

}  // namespace

BytePairVocabulary vocabulary_from_tokenizer_json(std::string_view text) {
  if (text.size() > size_limit) {
    throw input_error("tokenizer.json: expected at most {} bytes, found {}",
                      with_commas(size_limit), with_commas(static_cast<std::int64_t>(text.size())));
  }
  const Json root = parse_json(text);
  if (!root.is_object()) throw input_error("tokenizer.json: expected an object");
  BytePairVocabulary vocabulary;
  read_model(member(root, "model"), vocabulary);
  read_added_tokens(member(root, "added_tokens"), vocabulary);
  read_unknown(member(root, "model"), vocabulary);
  read_post_processor(member(root, "post_processor"), vocabulary);
  const Normalizer normalizer = Normalizer::from_json(member(root, "normalizer"));
  const PreTokenizer pre_tokenizer = PreTokenizer::from_json(member(root, "pre_tokenizer"));
  if (!pre_tokenizer.byte_level()) {
    throw input_error("pre_tokenizer: expected byte-level BPE (a ByteLevel step), found {}",
                      escaped(dump_json(member(root, "pre_tokenizer"))));
  }
  vocabulary.normalizer_json = dump_json(normalizer.to_json());
  vocabulary.pre_tokenizer_json = dump_json(member(root, "pre_tokenizer"));
  vocabulary.pre = gguf_name(vocabulary, pre_tokenizer, normalizer);
  return vocabulary;
}

std::string tokenizer_json_of(const BytePairVocabulary& vocabulary) {
  Json added = Json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (type == TokenType::control || type == TokenType::user_defined) {
      added.push_back(added_token_json(vocabulary, static_cast<std::int32_t>(id)));
    }
  }
  const Json decoder = {{"type", "ByteLevel"},
                        {"add_prefix_space", true},
                        {"trim_offsets", true},
                        {"use_regex", true}};
  const Json unknown =
      vocabulary.emit_unk && vocabulary.unk ? Json(vocabulary.tokens[*vocabulary.unk]) : Json();
  // Written piece by piece: as one value, the vocabulary and its merges would be copied twice.
  std::string out = fmt::format(
      "{{\n\"version\":\"1.0\",\n\"truncation\":null,\n\"padding\":null,\n\"added_tokens\":{},\n"
      "\"normalizer\":{},\n\"pre_tokenizer\":{},\n\"post_processor\":{},\n\"decoder\":{},\n"
      "\"model\":{{\n\"type\":\"BPE\",\n\"dropout\":null,\n\"unk_token\":{},\n"
      "\"continuing_subword_prefix\":null,\n\"end_of_word_suffix\":null,\n\"fuse_unk\":{},\n"
      "\"byte_fallback\":false,\n\"ignore_merges\":{},\n\"vocab\":{{",
      dump_json(added), vocabulary.normalizer_json, vocabulary.pre_tokenizer_json,
      dump_json(post_processor_json(vocabulary)), dump_json(decoder), dump_json(unknown),
      vocabulary.fuse_unk, vocabulary.ignore_merges);
  const char* separator = "\n";
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::unused) continue;
    out += fmt::format("{}{}:{}", separator, dump_json(vocabulary.tokens[id]), id);
    separator = ",\n";
  }
  out += "\n},\n\"merges\":[";
  separator = "\n";
  for (const std::string& merge : vocabulary.merges) {
    const std::size_t space = merge.find(' ', 1);
    out += fmt::format("{}[{},{}]", separator, dump_json(merge.substr(0, space)),
                       dump_json(merge.substr(space + 1)));
    separator = ",\n";
  }
  out += "\n]}\n}\n";
  return out;
}

}  // namespace bantam
