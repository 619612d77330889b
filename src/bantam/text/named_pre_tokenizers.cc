// GGUF files name a pre-tokenizer instead of holding it. Each name is given here as the
// tokenizer.json it was made from; the names are those that llama.cpp's converter writes.
#include <string>

#include "bantam/base/error.h"
#include "bantam/text/pre_tokenizer.h"

namespace bantam {
namespace {

#define BANTAM_BYTE_LEVEL \
  R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})"
#define BANTAM_BYTE_LEVEL_REGEX \
  R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})"
#define BANTAM_SPLIT(pattern) \
  R"({"type":"Split","pattern":{"Regex":")" pattern R"("},"behavior":"Isolated","invert":false},)"
#define BANTAM_SEQUENCE(steps) R"({"type":"Sequence","pretokenizers":[)" steps "]}"
#define BANTAM_CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"

constexpr std::string_view gpt2 = BANTAM_BYTE_LEVEL_REGEX;

constexpr std::string_view digits_gpt2 =
    BANTAM_SEQUENCE(R"({"type":"Digits","individual_digits":true},)" BANTAM_BYTE_LEVEL_REGEX);

constexpr std::string_view llama3 = BANTAM_SEQUENCE(BANTAM_SPLIT(
    BANTAM_CONTRACTIONS
    R"(|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)")
                                                        BANTAM_BYTE_LEVEL);

constexpr std::string_view qwen2 = BANTAM_SEQUENCE(BANTAM_SPLIT(
    BANTAM_CONTRACTIONS
    R"(|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)")
                                                       BANTAM_BYTE_LEVEL);

constexpr std::string_view gpt4o = BANTAM_SEQUENCE(BANTAM_SPLIT(
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+)" BANTAM_CONTRACTIONS
    R"(?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*)" BANTAM_CONTRACTIONS
    R"(?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)")
                                                       BANTAM_BYTE_LEVEL);

constexpr std::string_view tekken = BANTAM_SEQUENCE(BANTAM_SPLIT(
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+)"
    R"(|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*)"
    R"(|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") BANTAM_BYTE_LEVEL);

constexpr std::string_view deepseek_coder = BANTAM_SEQUENCE(
    BANTAM_SPLIT(R"([\\r\\n])") BANTAM_SPLIT(R"(\\s?\\p{L}+)") BANTAM_SPLIT(R"(\\s?\\p{P}+)")
        BANTAM_SPLIT(
            R"([一-龥ࠀ-一가-퟿]+)") R"({"type":"Digits","individual_digits":true},)" BANTAM_BYTE_LEVEL);

constexpr std::string_view deepseek_v3 = BANTAM_SEQUENCE(
    BANTAM_SPLIT(R"(\\p{N}{1,3})") BANTAM_SPLIT(R"([一-龥぀-ゟ゠-ヿ]+)") BANTAM_SPLIT(
        R"([!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+)"
        R"(| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)") BANTAM_BYTE_LEVEL);

// What llama.cpp falls back to when a file names nothing.
constexpr std::string_view unnamed = BANTAM_SEQUENCE(
    BANTAM_SPLIT(R"([\\p{P}\\$\\+<=>\\^~\\|]+)") BANTAM_SPLIT(
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S))")
        BANTAM_SPLIT(R"(\\p{N}+)") BANTAM_SPLIT(R"([0-9][0-9][0-9])") BANTAM_BYTE_LEVEL);

}  // namespace

const std::vector<NamedPreTokenizer>& named_pre_tokenizers() {
  // Where several names share their steps, the first is the one written.
  static const std::vector<NamedPreTokenizer> list = {
      {"gpt-2", gpt2, "", false},
      {"phi-2", gpt2, "", false},
      {"olmo", gpt2, "", false},
      {"mpt", gpt2, "", false},
      {"jais", gpt2, "", false},
      {"roberta-bpe", gpt2, "", false},
      {"modern-bert", gpt2, "NFC", false},
      {"smollm", digits_gpt2, "", false},
      {"starcoder", digits_gpt2, "", false},
      {"refact", digits_gpt2, "", false},
      {"command-r", digits_gpt2, "", false},
      {"codeshell", digits_gpt2, "", false},
      {"llama-bpe", llama3, "", true},
      {"llama3", llama3, "", true},
      {"llama-v3", llama3, "", true},
      {"falcon3", llama3, "", true},
      {"lfm2", llama3, "", true},
      {"smaug-bpe", llama3, "", false},
      {"dbrx", llama3, "", false},
      {"chatglm-bpe", llama3, "", false},
      {"glm4", llama3, "", false},
      {"qwen2", qwen2, "NFC", false},
      {"deepseek-r1-qwen", qwen2, "NFC", false},
      {"stablelm2", qwen2, "", false},
      {"megrez", qwen2, "", false},
      {"gpt-4o", gpt4o, "", false},
      {"llama4", gpt4o, "", false},
      {"tekken", tekken, "", true},
      {"deepseek-coder", deepseek_coder, "", false},
      {"deepseek-v3", deepseek_v3, "", false},
      {"default", unnamed, "", false},
  };
  return list;
}

const NamedPreTokenizer& named_pre_tokenizer(std::string_view name) {
  std::string names;
  for (const NamedPreTokenizer& named : named_pre_tokenizers()) {
    if (named.name == name) return named;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", named.name);
  }
  throw input_error("tokenizer.ggml.pre: '{}' is unknown; known are {}", escaped(name), names);
}

}  // namespace bantam
