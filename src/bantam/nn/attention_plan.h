// Attention planned as data: where each token stands and which keys it sees. Methods differ in the
// plan, not in the code.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bantam/tensor/visibility.h"

namespace bantam {

struct AttentionPlan {
  std::vector<std::int32_t>
      positions;  ///< [T] absolute position of each token in its sequence (for RoPE)
  std::vector<std::int32_t>
      lengths;            ///< [T] tokens of its sequence, from the first to the last known so far
  Visibility visibility;  ///< key rows seen by each of the T tokens

  std::int64_t tokens() const { return static_cast<std::int64_t>(positions.size()); }

  /// Sequences laid end to end; each token sees itself and what came before it in its own sequence.
  /// Packed rows and batches of unequal lengths are both this: nothing is ever padded.
  static AttentionPlan causal(std::span<const std::int64_t> lengths);
  /// The same, but a token sees at most the last `window` tokens, itself included. window >= 1.
  static AttentionPlan windowed(std::span<const std::int64_t> lengths, std::int64_t window);
  /// Sequences laid end to end; each token sees all of its own sequence.
  static AttentionPlan whole(std::span<const std::int64_t> lengths);
  /// A tree of continuations: token t follows parents[t] < t (-1: a root) and sees its ancestors
  /// and itself. Positions are depths.
  static AttentionPlan tree(std::span<const std::int32_t> parents);
};

/// What is left of a plan of whole() when a token sees less than `reach` tokens to each side: reach
/// 1 is itself.
Visibility within_band(const Visibility& all, std::int64_t reach);

/// What is left when each query sees at most the last `window` of its keys. window >= 1.
Visibility within_window(const Visibility& all, std::int64_t window);

}  // namespace bantam
