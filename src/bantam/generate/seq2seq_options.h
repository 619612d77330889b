// How an encoder-decoder searches for its answer, and what its files say about that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/generate/beam_search.h"
#include "bantam/generate/generate_options.h"

namespace bantam {

struct Seq2SeqOptions {
  int beams = 1;                                           ///< 1: greedy
  int n = 1;                                               ///< answers, at most one a beam
  double length_penalty = 1;                               ///< see GenerateOptions
  EarlyStopping early_stopping = EarlyStopping::by_score;  ///< of several beams
  std::int64_t max_tokens = 0;  ///< of an answer; 0: what the model was trained for
  std::int64_t min_tokens = 0;  ///< of an answer, before its end token
  double repetition_penalty = 1;
  int no_repeat_ngram = 0;  ///< no run of so many tokens comes twice in an answer; 0: all may
  int no_source_ngram = 0;  ///< and none of the text comes in it
  std::vector<std::string> stop = {};  ///< see GenerateOptions; needs a tokenizer
  bool ignore_eos = false;
  bool logprobs = false;
};

/// What a user wants, and where that is open what generation_config.json says: num_beams,
/// length_penalty, early_stopping, repetition_penalty, no_repeat_ngram_size,
/// encoder_no_repeat_ngram_size, max_new_tokens, max_length, min_new_tokens, min_length. What was
/// taken is added to `told`, as in "num_beams 4"; what the file asks for in vain too, as in
/// "num_beam_groups 2 (not applied)". Throws Error(usage) for sampling: answers are searched for.
Seq2SeqOptions seq2seq_options(const GenerateOptions& wanted, const Json& generation_config,
                               std::vector<std::string>& told);

}  // namespace bantam
