// Does a generated text run in circles? Small tuned models fall into loops when their end token was
// not learned.
#pragma once

#include <cstdint>
#include <span>

namespace bantam {

/// Share of 4-grams of tokens that occurred before in the same text; 0 for texts shorter than 5
/// tokens. Ordinary prose stays below 0.1; a loop approaches 1.
double repetition_rate(std::span<const std::int32_t> tokens);

}  // namespace bantam
