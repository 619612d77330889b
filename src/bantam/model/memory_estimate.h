// What a model will take in memory, told from its shapes before anything is allocated.
#pragma once

#include <cstdint>
#include <string>

#include "bantam/model/weights.h"
#include "bantam/nn/decoder.h"

namespace bantam {

/// Bytes; sums that do not fit 64 bits stay at the largest number.
struct MemoryEstimate {
  std::uint64_t weights = 0;   ///< as they lie in the file
  std::uint64_t copies = 0;    ///< of weights that are kept in another order than the file's
  std::uint64_t program = 0;   ///< code, libraries, and the tokenizer's tables
  std::uint64_t kv_cache = 0;  ///< of `context` tokens
  std::uint64_t scratch = 0;   ///< values of one forward pass: `context` tokens, at most 512
  std::uint64_t waiting = 0;   ///< rows of the store and freed tensors that the next ones will take
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  std::int64_t context = 0;
  std::int64_t largest_context = 0;  ///< tokens of key/value store that would fit, 0 if none
};

/// `context`: tokens of key/value store to plan for, 0 for none; `answers` under way at once share
/// it.
MemoryEstimate estimate_memory(const DecoderConfig& config, const WeightSource& source,
                               std::int64_t context, std::int64_t answers = 1);

/// Throws Error(resources) naming needed and available bytes and what would fit.
void require_memory(const MemoryEstimate& estimate, const std::string& name);

/// What this process may still take: the machine's MemAvailable, or less where a control group
/// limits it.
std::uint64_t available_memory();

}  // namespace bantam
