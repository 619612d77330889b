// How to decode: the options of one request, and what the model's own files say about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/options.h"
#include "bantam/generate/sampler.h"

namespace bantam {

struct GenerateOptions {
  std::optional<std::string> decode;
  SamplerOptions sampler;
  std::optional<std::int64_t> max_tokens, min_tokens;
  std::optional<int> no_repeat_ngram;
  std::vector<std::string> stop;
  int n = 1;
  std::optional<double> length_penalty;  ///< unset: 1
  bool ignore_eos = false;
  bool logprobs = false;
};

template <>
inline void describe(Describer<GenerateOptions>& d) {
  d(&GenerateOptions::decode, "decode",
    "How tokens are chosen: greedy, sample, or beam:B with B beams. By default as the model's "
    "generation_config.json says; sample when a temperature is given.");
  d.nested(&GenerateOptions::sampler);
  d(&GenerateOptions::max_tokens, "max_tokens", "Tokens of an answer at most.",
    at_least(std::int64_t{1}));
  d(&GenerateOptions::min_tokens, "min_tokens",
    "Tokens of an answer at least: end tokens are chosen behind them only.",
    at_least(std::int64_t{0}));
  d(&GenerateOptions::no_repeat_ngram, "no_repeat_ngram",
    "No run of so many tokens comes twice in prompt and answer; 0 allows all.", between(0, 1024));
  d(&GenerateOptions::stop, "stop",
    "Text that ends the answer and is left out of it; may be given several times.");
  d(&GenerateOptions::n, "n", "Answers to each prompt.", between(1, 4096));
  d(&GenerateOptions::length_penalty, "length_penalty",
    "Beams are ranked by log-probability / length^penalty; above 0 favors long answers.");
  d(&GenerateOptions::ignore_eos, "ignore_eos",
    "Go on to max_tokens: end tokens are never chosen.");
  d(&GenerateOptions::logprobs, "logprobs", "Keep the log-probability of each token.");
}

/// What --decode says, once it is read.
struct Decoding {
  enum class Kind { greedy, sample, beam } kind = Kind::greedy;
  int beams = 1;
};
/// "greedy", "sample", "beam:4". Throws Error(usage) naming the known values.
Decoding parse_decoding(const std::string& text);

/// Fills what the user left open from a generation_config.json (the sampling keys of transformers:
/// do_sample, temperature, top_k, top_p, min_p, typical_p, repetition_penalty, min_new_tokens,
/// no_repeat_ngram_size, num_beams, length_penalty), then makes `decode` and `temperature` agree.
/// Afterwards `decode` is set. Returns what was taken from the file, such as "temperature 0.6":
/// people are told.
std::vector<std::string> apply_generation_defaults(GenerateOptions& options,
                                                   const Json& generation_config);

}  // namespace bantam
