// One layer of a decoder over new tokens that continue stored ones: what answering does for every
// token and layer, so that a device may do it at one go.
#pragma once

#include <cstdint>
#include <span>

#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"
#include "bantam/tensor/visibility.h"

namespace bantam {

struct RopeTable;

/// The layer that most families have: RMS norms before both branches, grouped heads, a feed-forward
/// gated by SiLU. T tokens of D features, H heads and G key heads of E, F inner features. Pointers
/// to what a layer lacks are null.
struct DecoderStep {
  const Tensor *attention_norm, *feed_forward_norm;  ///< [D]
  const Tensor *query, *key, *value;                 ///< [H * E, D], [G * E, D] twice
  const Tensor *query_bias, *key_bias, *value_bias;  ///< [H * E], [G * E] twice; may be null
  const Tensor *query_norm, *key_norm;               ///< [E], over each head; may be null
  const Tensor* output;                              ///< [D, H * E]
  const Tensor *gate, *up, *down;                    ///< [F, D] twice, [D, F]
  float epsilon;                                     ///< of the norms
  const RopeTable* rope;                             ///< of the T tokens; may be null
  bool interleaved;                                  ///< as of rope()

  Tensor* pages;                       ///< of this layer (ops/paged_attention.h)
  std::span<const std::int32_t> rows;  ///< [T] where the tokens' keys and values go
  const Visibility* visibility;        ///< what each token sees, itself included
  ScoreForm form;

  std::int64_t kv_heads() const { return pages->size(1); }
  std::int64_t head_width() const { return key->size(0) / kv_heads(); }
  std::int64_t heads() const { return query->size(0) / head_width(); }
};

}  // namespace bantam
