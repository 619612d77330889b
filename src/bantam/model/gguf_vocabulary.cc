#include "bantam/model/gguf_vocabulary.h"

#include <optional>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/text/charsmap.h"

namespace bantam {
namespace {

constexpr std::string_view space_symbol = "\u2581";

// The parts of a Sequence under `list`, or the one part there is.
std::vector<Json> steps_of(const std::string& json, const char* list) {
  if (json.empty()) return {};
  const Json part = parse_json(json);
  if (part.is_null()) return {};
  if (part.value("type", "") != "Sequence") return {part};
  return part[list].get<std::vector<Json>>();
}

// Hugging Face's form of SentencePiece's Unigram: the charsmap alone, or steps that take
// superfluous white space away; words with a space before each. Null for anything else.
Json spec_of_converted(const Vocabulary& vocabulary) {
  if (vocabulary.kind != TokenModelKind::unigram) return nullptr;
  std::string charsmap;
  for (const Json& step : steps_of(vocabulary.normalizer_json, "normalizers")) {
    const std::string type = step.value("type", "");
    if (type == "Precompiled") charsmap = step.value("precompiled_charsmap", "");
    if (type != "Precompiled" && type != "Replace" && type != "Strip") return nullptr;
  }
  bool has_words = false, has_spaces = false;
  for (const Json& step : steps_of(vocabulary.pre_tokenizer_json, "pretokenizers")) {
    has_words = has_words || step["type"] == Json("WhitespaceSplit");
    has_spaces = has_spaces || (step["type"] == Json("Metaspace") &&
                                step.value("prepend_scheme", "always") == "always");
  }
  if (!has_spaces) return nullptr;
  const bool cleans = has_words || vocabulary.normalizer_json.find("Replace") != std::string::npos;
  return {{"precompiled_charsmap", charsmap},
          {"add_dummy_prefix", true},
          {"remove_extra_whitespaces", cleans}};
}

// What SentencePiece does to a text before encoding it; null for a tokenizer of another kind.
Json sentence_piece_spec(const Vocabulary& vocabulary) {
  if (!vocabulary.normalizer_json.empty()) {
    Json normalizer = parse_json(vocabulary.normalizer_json);
    if (normalizer.is_object() && normalizer["type"] == Json("SentencePiece")) return normalizer;
  }
  return spec_of_converted(vocabulary);
}

// llama.cpp's name of the kind.
std::string kind_name(const Vocabulary& vocabulary) {
  const bool sentence_piece = sentence_piece_spec(vocabulary).is_object();
  switch (vocabulary.kind) {
    case TokenModelKind::byte_bpe:
      if (!vocabulary.pre.empty()) return "gpt2";
      throw input_error(
          "GGUF knows pre-tokenizers by name, and none of those splits text as this tokenizer "
          "does; export a Hugging Face folder instead");
    case TokenModelKind::word_piece:
      return "bert";
    case TokenModelKind::sentence_piece_bpe:
      if (sentence_piece) return "llama";
      break;
    case TokenModelKind::unigram:
      if (sentence_piece) return "t5";
      break;
    default:
      break;
  }
  throw input_error(
      "GGUF has no place for this kind of tokenizer; it knows byte-level BPE, WordPiece and the "
      "models of SentencePiece (keep tokenizer.model beside the weights, without tokenizer.json), "
      "of Unigram also as Hugging Face writes them");
}

// As llama.cpp keeps WordPiece: a visible space before what begins a word.
std::string without_word_piece_prefix(const std::string& text) {
  if (text.starts_with("##")) return text.substr(2);
  const bool named = text.size() > 2 && text.front() == '[' && text.back() == ']';
  return named ? text : std::string(space_symbol) + text;
}

void set_sentence_piece(GgufWriter& writer, const Vocabulary& vocabulary, std::size_t rows) {
  const Json spec = sentence_piece_spec(vocabulary);
  std::vector<float> scores(rows, 0);
  for (std::size_t id = 0; id < vocabulary.scores.size(); ++id) {
    scores[id] = static_cast<float>(vocabulary.scores[id]);
  }
  writer.set("tokenizer.ggml.scores", gguf_array(std::move(scores)));
  writer.set("tokenizer.ggml.remove_extra_whitespaces",
             spec["remove_extra_whitespaces"].get<bool>());
  const std::string map = decode_base64(spec["precompiled_charsmap"].get<std::string>());
  if (map.empty()) return;
  writer.set("tokenizer.ggml.precompiled_charsmap",
             gguf_array(std::vector<std::uint8_t>(map.begin(), map.end())));
}

}  // namespace

void set_gguf_vocabulary(GgufWriter& writer, const Vocabulary& vocabulary, std::int64_t rows) {
  require_two_way(vocabulary, "GGUF");
  const std::string kind = kind_name(vocabulary);
  std::vector<std::string> tokens = vocabulary.tokens;
  std::vector<std::int32_t> types(tokens.size(), static_cast<std::int32_t>(TokenType::normal));
  for (std::size_t i = 0; i < vocabulary.types.size(); ++i)
    types[i] = static_cast<std::int32_t>(vocabulary.types[i]);
  for (std::size_t i = 0; i < tokens.size() && kind == "bert"; ++i) {
    if (types[i] == static_cast<std::int32_t>(TokenType::normal))
      tokens[i] = without_word_piece_prefix(tokens[i]);
  }
  for (auto i = static_cast<std::int64_t>(tokens.size()); i < rows; ++i) {
    tokens.push_back(fmt::format("[PAD{}]", i));
    types.push_back(static_cast<std::int32_t>(TokenType::unused));
  }
  const std::size_t count = tokens.size();
  writer.set("tokenizer.ggml.model", kind);
  if (kind == "gpt2") writer.set("tokenizer.ggml.pre", vocabulary.pre);
  writer.set("tokenizer.ggml.tokens", gguf_array(std::move(tokens)));
  writer.set("tokenizer.ggml.token_type", gguf_array(std::move(types)));
  if (kind == "gpt2") writer.set("tokenizer.ggml.merges", gguf_array(vocabulary.merges));
  writer.set("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
  const bool sentence_piece = kind == "llama" || kind == "t5";
  if (sentence_piece || (kind == "gpt2" && vocabulary.add_eos)) {
    writer.set("tokenizer.ggml.add_eos_token", vocabulary.add_eos);
  }
  writer.set("tokenizer.ggml.add_space_prefix",
             sentence_piece && sentence_piece_spec(vocabulary)["add_dummy_prefix"].get<bool>());
  if (sentence_piece) set_sentence_piece(writer, vocabulary, count);
  const auto set_id = [&](const char* key, const std::optional<std::int32_t>& id) {
    if (id) writer.set(key, static_cast<std::uint32_t>(*id));
  };
  set_id("tokenizer.ggml.bos_token_id", vocabulary.bos);
  set_id("tokenizer.ggml.eos_token_id", vocabulary.eos);
  set_id("tokenizer.ggml.unknown_token_id", vocabulary.unk);
  set_id("tokenizer.ggml.padding_token_id", vocabulary.pad);
  if (kind == "bert") set_id("tokenizer.ggml.cls_token_id", vocabulary.bos);
  // What stands around a text separates texts, too.
  const bool is_separator = vocabulary.add_bos && vocabulary.add_eos;
  if (kind == "bert" || is_separator) set_id("tokenizer.ggml.seperator_token_id", vocabulary.eos);
}

}  // namespace bantam
