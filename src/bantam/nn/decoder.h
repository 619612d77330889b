// A decoder-only transformer put together from parts. Which parts, and how weights are named in
// files, is data (model/architectures); what a part computes is here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bantam/nn/attention_plan.h"
#include "bantam/nn/kv_store.h"
#include "bantam/nn/linear_layer.h"
#include "bantam/nn/taps.h"
#include "bantam/tensor/ops/rope.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// Rotary positions. Scalings change the frequencies once, at load.
struct RopePart {
  std::vector<double> frequencies;  ///< [E/2] radians a token
  double magnitude = 1;
  std::string
      scaling_json;  ///< "rope_scaling" as config.json states it; "" when unscaled or unknown
};

/// The numbers that differ from model to model of one family.
struct DecoderConfig {
  int layers = 0;
  std::int64_t width = 0;                ///< D
  std::int64_t heads = 0, kv_heads = 0;  ///< H, G; H a multiple of G
  std::int64_t head_width = 0;           ///< E
  std::int64_t feed_forward = 0;         ///< inner features of the gated linear unit
  std::int64_t vocabulary = 0;           ///< V: rows of the embedding table
  std::int64_t context = 0;              ///< tokens the model was trained for
  float norm_epsilon = 1e-5f;
  double rope_theta = 10000;
  bool tied_head = true;  ///< the output head is the embedding table
  RopePart rope;

  KvShape kv_shape() const {
    return {.layers = layers, .kv_heads = kv_heads, .head_width = head_width};
  }
  /// Throws Error(input) naming both numbers when heads do not divide, or an extent is out of range
  /// (G14, G15).
  void validate() const;
};

/// What one forward pass reads: tokens of all sequences end to end, where they stand, what they
/// see.
struct Batch {
  std::vector<std::int32_t> tokens;  ///< [T]
  AttentionPlan plan;
  std::vector<std::int32_t>
      cache_rows;  ///< [T] rows of the KvStore for these tokens; empty without a store
};

struct NormLayer {
  std::string site;
  Tensor weight;  ///< [D]
  Tensor forward(const Tensor& x, float epsilon, Taps* taps) const;
};

/// What all layers of one forward pass share.
struct ForwardContext {
  const DecoderConfig& config;
  const Batch& batch;
  RopeTable rope;
  KvStore* cache = nullptr;
  Taps* taps = nullptr;
};

/// Grouped-query attention with rotary positions.
struct AttentionLayer {
  std::string site;  ///< "layers.3.attn"
  LinearLayer query, key, value, output;
  Tensor forward(const Tensor& x, int layer, const ForwardContext& context) const;
};

/// Gated linear unit with SiLU.
struct FeedForwardLayer {
  std::string site;  ///< "layers.3.mlp"
  LinearLayer gate, up, down;
  Tensor forward(const Tensor& x, const ForwardContext& context) const;
};

struct DecoderLayer {
  std::string site;  ///< "layers.3"
  NormLayer attention_norm, feed_forward_norm;
  AttentionLayer attention;
  FeedForwardLayer feed_forward;
  /// x [T, D] -> [T, D], both branches added to the residual stream.
  Tensor forward(const Tensor& x, int layer, const ForwardContext& context) const;
};

}  // namespace bantam
