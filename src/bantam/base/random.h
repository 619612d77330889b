// Counter-based random streams (Philox 4x32-10, Salmon et al. 2011, "Parallel random numbers: as
// easy as 1, 2, 3").
//
// A number is a pure function of (seed, stream name, step, index): nothing hidden has to be saved
// or restored, batching and thread count cannot move a draw, and two uses of one seed under
// different names never see the same numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bantam {

/// The block function itself: 128 random bits for a counter under a key.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

class RandomStream {
 public:
  /// `name` says what the numbers are for, such as "sampler" or "data-order"; `step` separates
  /// epochs or requests.
  RandomStream(std::uint64_t seed, std::string_view name, std::uint64_t step = 0);

  /// 64 random bits for position `index`; no state changes.
  std::uint64_t bits_at(std::uint64_t index) const;
  /// Uniform in [0, 1), 53 bits.
  double uniform_at(std::uint64_t index) const;
  /// Standard normal (Box-Muller over the two halves of one block).
  double normal_at(std::uint64_t index) const;

  /// The same numbers, in order, for callers that simply draw.
  std::uint64_t next_bits() { return bits_at(cursor_++); }
  double next_uniform() { return uniform_at(cursor_++); }
  double next_normal() { return normal_at(cursor_++); }
  /// Uniform integer in [0, bound), without modulo bias. bound > 0.
  std::uint64_t next_below(std::uint64_t bound);

  /// Fisher-Yates permutation of 0 … count-1.
  std::vector<std::uint32_t> permutation(std::uint32_t count);

 private:
  std::uint64_t key_ = 0, step_ = 0, cursor_ = 0;
};

}  // namespace bantam
