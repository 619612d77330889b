// Answers of an encoder-decoder to one text: greedy, or the best of several beams.
#pragma once

#include <memory>
#include <vector>

#include "bantam/generate/beam_search.h"
#include "bantam/model/seq2seq.h"

namespace bantam {

struct Seq2SeqOptions {
  int beams = 1;                                           ///< 1: greedy
  int n = 1;                                               ///< answers, at most one a beam
  double length_penalty = 1;                               ///< see GenerateOptions
  EarlyStopping early_stopping = EarlyStopping::by_score;  ///< of several beams
  std::int64_t max_tokens = 0;  ///< of an answer; 0: what the model was trained for
  double repetition_penalty = 1;

  /// What generation_config.json says, by transformers' names: num_beams, num_return_sequences,
  /// length_penalty, early_stopping, max_new_tokens, max_length, repetition_penalty.
  static Seq2SeqOptions from_generation_config(const Json& generation_config);
};

/// What the model makes of `text` (tokens, with those that the tokenizer puts around a text). The
/// end token is part of an answer's tokens, the start token is not. Without a tokenizer answers
/// have no text. Throws Error(usage) when n exceeds the beams, Error(input) for a token outside the
/// vocabulary or an empty text.
Completion answer_text(const LoadedSeq2Seq& loaded, const std::vector<std::int32_t>& text,
                       const Seq2SeqOptions& options,
                       const std::shared_ptr<const Tokenizer>& tokenizer = nullptr);

}  // namespace bantam
