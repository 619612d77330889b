// Rotary positions as a model has them: frequencies, and how they change with the length of a
// sequence.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/nn/attention_plan.h"
#include "bantam/tensor/ops/rope.h"

namespace bantam {

/// Most scalings change the frequencies once, at load. Two depend on the sequence: LongRoPE
/// (arXiv:2402.13753) has a second set for sequences beyond `switch_length`, dynamic NTK scaling
/// raises the base with the length from there on.
struct RopePart {
  double theta = 10000;             ///< base of the frequencies
  std::vector<double> frequencies;  ///< radians a token, one for each pair of features that turns
  double magnitude = 1;             ///< factor of sines and cosines (YaRN, LongRoPE)
  std::int64_t switch_length = 0;   ///< 0: nothing depends on the length
  std::vector<double> long_frequencies;  ///< LongRoPE; else empty
  double dynamic_factor = 0;             ///< dynamic NTK; else 0
  bool interleaved = false;              ///< pairs are neighbors, not a feature of each half
  std::string scaling_json;              ///< as config.json states it; "" when unscaled or unknown

  /// Frequencies for tokens of a sequence of `length`.
  std::vector<double> frequencies_at(std::int64_t length) const;
  /// Whether these are the same for both lengths.
  bool turns_alike(std::int64_t length, std::int64_t other) const;
  /// Whether keys that were made in a sequence of `from` tokens stay when it grows to `to`. Those
  /// of LongRoPE are made anew as it switches; those of dynamic NTK stay, though tokens to come
  /// turn otherwise. Both as in transformers.
  bool keys_stay(std::int64_t from, std::int64_t to) const;
  /// Cosines and sines for the tokens of a plan, each by the length of its own sequence.
  RopeTable table(const AttentionPlan& plan) const;
};

}  // namespace bantam
