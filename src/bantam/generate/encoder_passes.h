// Many texts through an encoder: in passes of about as many tokens each, the longest texts first.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/model/text_encoder.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// A text, or a pair of texts.
struct TextToLabel {
  std::string text, pair;  ///< pair "": one text
};

struct EncodedTexts {
  std::vector<ModelInput> inputs;
  std::vector<std::size_t> truncated;  ///< places of texts that were longer than `longest`
};

/// Of at most `longest` tokens each. Throws Error(input) for a text of no tokens.
EncodedTexts encode_texts(const Tokenizer& tokenizer, std::int64_t longest,
                          std::span<const TextToLabel> texts);

/// Calls `each` with the texts of a pass, by their places among `inputs`, and their batch; nothing
/// is recorded for gradients. Throws Interrupted on SIGINT.
void run_in_passes(
    std::span<const ModelInput> inputs, ProgressSink& progress,
    const std::function<void(std::span<const std::size_t> places, const Batch& batch)>& each);

}  // namespace bantam
