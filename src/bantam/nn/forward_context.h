// What all layers of one forward pass share.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "bantam/nn/attention_plan.h"
#include "bantam/nn/decoder_config.h"
#include "bantam/nn/kv_store.h"
#include "bantam/nn/taps.h"

namespace bantam {

/// What one forward pass reads: tokens of all sequences end to end, where they stand, what they
/// see.
struct Batch {
  std::vector<std::int32_t> tokens;  ///< [T]
  AttentionPlan plan;
  std::vector<std::int32_t>
      cache_rows;  ///< [T] rows of the KvStore for these tokens; empty without a store
  std::vector<std::int32_t> types = {};  ///< [T] token types; empty: all 0
};

/// Computed once from batch and configuration.
struct ForwardTables {
  ForwardTables(const DecoderConfig& config, const Batch& batch);

  std::vector<RopeTable> ropes;                ///< by LayerPart::rope
  std::map<std::int64_t, Visibility> visible;  ///< by LayerPart::window
  std::vector<std::int32_t> cache_rows;
};

struct ForwardContext {
  const DecoderConfig& config;
  /// Shared, because a checkpointed layer runs again after the forward call has ended.
  std::shared_ptr<const ForwardTables> tables;
  KvStore* cache = nullptr;
  Taps* taps = nullptr;
};

}  // namespace bantam
