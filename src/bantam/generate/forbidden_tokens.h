// Tokens that may not come next, found in what stands before: transformers' NoRepeatNGram,
// EncoderNoRepeatNGram and NoBadWords processors (generation/logits_process.py).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

/// The tokens with which the last size - 1 tokens of `history` would be a run of `size` tokens that
/// `text` has already. In no order, may repeat; none where size is 0 or history shorter.
std::vector<std::int32_t> ends_of_repeats(std::span<const std::int32_t> text,
                                          std::span<const std::int32_t> history, int size);

/// The last tokens of those sequences whose other tokens `history` ends with.
std::vector<std::int32_t> ends_of_sequences(std::span<const std::vector<std::int32_t>> sequences,
                                            std::span<const std::int32_t> history);

}  // namespace bantam
