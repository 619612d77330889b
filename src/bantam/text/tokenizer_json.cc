#include "bantam/text/tokenizer_json.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizer.h"
#include "bantam/text/post_processor.h"
#include "bantam/text/pre_tokenizer.h"
#include "bantam/text/sentence_piece_export.h"
#include "bantam/text/tokenizer_json_model.h"

namespace bantam {
namespace {

constexpr std::size_t size_limit = std::size_t{256} << 20;

void read_added_tokens(const Json& list, Vocabulary& vocabulary) {
  constexpr std::string_view part = "added_tokens";
  if (list.is_null()) return;
  if (!list.is_array()) throw input_error("{}: expected a list", part);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list[i];
    const Json& content = json_member(entry, "content");
    if (!entry.is_object() || !content.is_string()) {
      throw input_error("{}: entry {}: expected an object with content, found {}", part, i,
                        escaped(dump_json(entry)));
    }
    const auto text = content.get<std::string>();
    if (text.empty()) throw input_error("{}: entry {}: its text is empty", part, i);
    const std::int32_t id = json_token_id(json_member(entry, "id"), text);
    const bool special = json_flag(entry, "special", false, part);
    const auto at = static_cast<std::size_t>(id);
    if (at >= vocabulary.types.size() || vocabulary.types[at] == TokenType::unused) {
      vocabulary.outside_model.push_back(id);
    }
    place_token(vocabulary, id, text, special ? TokenType::control : TokenType::user_defined);
    const AddedTokenMatch match{
        id, json_flag(entry, "single_word", false, part), json_flag(entry, "lstrip", false, part),
        json_flag(entry, "rstrip", false, part), json_flag(entry, "normalized", false, part)};
    if (match.single_word || match.strip_left || match.strip_right || match.normalized) {
      vocabulary.matching.push_back(match);
    }
  }
  std::sort(vocabulary.outside_model.begin(), vocabulary.outside_model.end());
}

/// Which tokens the post-processor puts around a single text.
void read_post_processor(const Json& value, Vocabulary& vocabulary) {
  const PostProcessor processor = PostProcessor::from_json(value, vocabulary);
  vocabulary.bos = processor.before();
  vocabulary.eos = processor.after();
  vocabulary.add_bos = vocabulary.bos.has_value();
  vocabulary.add_eos = vocabulary.eos.has_value();
  vocabulary.post_processor_json = dump_json(value);
}

/// BPE over bytes, if the last thing that happens to a piece is to be spelled in their alphabet.
bool merges_bytes(const Vocabulary& vocabulary, const PreTokenizer& pre_tokenizer) {
  return vocabulary.kind == TokenModelKind::character_bpe && pre_tokenizer.byte_level() &&
         !vocabulary.byte_fallback && vocabulary.continuing_subword_prefix.empty() &&
         vocabulary.end_of_word_suffix.empty();
}

std::string gguf_name(const Vocabulary& vocabulary, const PreTokenizer& pre_tokenizer,
                      const Normalizer& normalizer) {
  if (vocabulary.kind != TokenModelKind::byte_bpe) return "";
  for (const NamedPreTokenizer& named : named_pre_tokenizers()) {
    const bool normalized = named.normalizer.empty() ? normalizer.json().is_null()
                                                     : normalizer.is_only(named.normalizer);
    if (named.ignore_merges == vocabulary.ignore_merges && normalized &&
        PreTokenizer::from_name(named.name).signature() == pre_tokenizer.signature()) {
      return std::string(named.name);
    }
  }
  return "";
}

Json added_token_json(const Vocabulary& vocabulary, std::int32_t id) {
  AddedTokenMatch match{.id = id};
  for (const AddedTokenMatch& other : vocabulary.matching) {
    if (other.id == id) match = other;
  }
  const auto at = static_cast<std::size_t>(id);
  return {{"id", id},
          {"content", vocabulary.tokens[at]},
          {"single_word", match.single_word},
          {"lstrip", match.strip_left},
          {"rstrip", match.strip_right},
          {"normalized", match.normalized},
          {"special", vocabulary.types[at] != TokenType::user_defined}};
}

std::string written(const Vocabulary& vocabulary) {
  Json added = Json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    const bool is_added =
        type == TokenType::control || type == TokenType::user_defined || type == TokenType::unknown;
    if (is_added) added.push_back(added_token_json(vocabulary, static_cast<std::int32_t>(id)));
  }
  // Written piece by piece: as one value, the vocabulary and its merges would be copied twice.
  std::string out = fmt::format(
      "{{\n\"version\":\"1.0\",\n\"truncation\":null,\n\"padding\":null,\n\"added_tokens\":{},\n"
      "\"normalizer\":{},\n\"pre_tokenizer\":{},\n\"post_processor\":{},\n\"decoder\":{},\n"
      "\"model\":",
      dump_json(added), vocabulary.normalizer_json, vocabulary.pre_tokenizer_json,
      vocabulary.post_processor_json, vocabulary.decoder_json);
  append_model_json(vocabulary, out);
  return out + "\n}\n";
}

}  // namespace

Vocabulary vocabulary_from_tokenizer_json(std::string_view text) {
  if (text.size() > size_limit) {
    throw input_error("tokenizer.json: expected at most {} bytes, found {}",
                      with_commas(size_limit), with_commas(static_cast<std::int64_t>(text.size())));
  }
  const Json root = parse_json(text);
  if (!root.is_object()) throw input_error("tokenizer.json: expected an object");
  Vocabulary vocabulary;
  const Json& model = json_member(root, "model");
  read_model_json(model, vocabulary);
  read_added_tokens(json_member(root, "added_tokens"), vocabulary);
  read_unknown_token(model, vocabulary);
  read_post_processor(json_member(root, "post_processor"), vocabulary);
  const Normalizer normalizer = Normalizer::from_json(json_member(root, "normalizer"));
  const PreTokenizer pre_tokenizer = PreTokenizer::from_json(json_member(root, "pre_tokenizer"));
  if (merges_bytes(vocabulary, pre_tokenizer)) vocabulary.kind = TokenModelKind::byte_bpe;
  vocabulary.normalizer_json = dump_json(normalizer.json());
  vocabulary.pre_tokenizer_json = dump_json(pre_tokenizer.json());
  vocabulary.decoder_json = dump_json(json_member(root, "decoder"));
  vocabulary.pre = gguf_name(vocabulary, pre_tokenizer, normalizer);
  return vocabulary;
}

std::string tokenizer_json_of(const Vocabulary& vocabulary) {
  require_two_way(vocabulary, "tokenizer.json");
  return vocabulary.like_sentence_piece || vocabulary.kind == TokenModelKind::sentence_piece_bpe
             ? written(exported_sentence_piece(vocabulary))
             : written(vocabulary);
}

}  // namespace bantam
