// Answers of an encoder-decoder to one text: greedy, or the best of several beams.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "bantam/generate/completion.h"
#include "bantam/generate/generate_hooks.h"
#include "bantam/generate/seq2seq_options.h"
#include "bantam/model/load_seq2seq.h"

namespace bantam {

/// What the model makes of `text` (tokens, with those that the tokenizer puts around a text). The
/// end token is part of an answer's tokens, the start token is not. Without a tokenizer answers
/// have no text; with one, rows of the vocabulary that stand for no token are never chosen.
/// `cancelled` is asked before each token. Throws Error(usage) when n exceeds the beams,
/// Error(input) for a token outside the vocabulary or an empty text.
Completion answer_text(const LoadedSeq2Seq& loaded, const std::vector<std::int32_t>& text,
                       const Seq2SeqOptions& options, std::function<bool()> cancelled = {});

/// One completion for each text, in order, one after the other. Of several, one that cannot be
/// answered has its `error` set, the others go on.
std::vector<Completion> answer_texts(const LoadedSeq2Seq& loaded,
                                     std::span<const std::vector<std::int32_t>> texts,
                                     const Seq2SeqOptions& options,
                                     const GenerateHooks& hooks = {});

}  // namespace bantam
