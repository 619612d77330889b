// What all layers of one forward pass share.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "bantam/nn/attention_plan.h"
#include "bantam/nn/decoder_config.h"
#include "bantam/nn/kv_store.h"
#include "bantam/nn/norm_layer.h"
#include "bantam/nn/taps.h"
#include "bantam/tensor/relative_bias.h"

namespace bantam {

/// Keys and values [S, G, E] that one layer makes of the encoder's states.
struct SourceHeads {
  Tensor key, value;
};

/// What an encoder made of texts, for the cross-attention of a decoder.
struct Source {
  Tensor states;                      ///< [S, D] texts end to end
  std::vector<std::int64_t> lengths;  ///< tokens of each text
  /// Of each layer, computed once for answering; empty: each forward pass makes them of the states,
  /// and sends gradients there.
  std::vector<SourceHeads> heads;
};

/// What one forward pass reads: tokens of all sequences end to end, where they stand, what they
/// see.
struct Batch {
  std::vector<std::int32_t> tokens;  ///< [T]
  AttentionPlan plan;
  std::vector<std::int32_t>
      cache_rows;  ///< [T] rows of the KvStore for these tokens; empty without a store
  std::vector<std::int32_t> types = {};            ///< [T] token types; empty: all 0
  std::shared_ptr<const Source> source = nullptr;  ///< null in models of one stack
  Visibility source_rows = {};                     ///< rows of the source that each token sees
};

/// Computed once from batch and configuration.
struct ForwardTables {
  ForwardTables(const DecoderConfig& config, const Batch& batch);

  std::vector<RopeTable> ropes;                ///< by LayerPart::rope
  std::map<std::int64_t, Visibility> visible;  ///< by LayerPart::window
  std::vector<std::int32_t> cache_rows;
  RelativeBias relative;  ///< buckets and positions
  std::shared_ptr<const Source> source;
  Visibility source_rows;
  RelativeBias distances;  ///< of DisentangledPart: rows and positions, without the sums
};

struct ForwardContext {
  const DecoderConfig& config;
  /// Shared, because a checkpointed layer runs again after the forward call has ended.
  std::shared_ptr<const ForwardTables> tables;
  KvStore* cache = nullptr;
  Taps* taps = nullptr;
  Tensor relative_table = {};  ///< [B, H] of RelativePart, or undefined
  /// Of the source; beside the tables because a checkpointed layer takes it as an input.
  Tensor source_states = {};
  /// [2 * span, D] of DisentangledPart and its norm, which each layer applies: weights themselves,
  /// so that a checkpointed layer sends them gradients.
  Tensor distance_table = {};
  const NormLayer* distance_norm = nullptr;
};

}  // namespace bantam
