// What training will take in memory, told from shapes before anything is allocated.
#pragma once

#include <cstdint>

#include "bantam/model/transformer.h"
#include "bantam/nn/parameter.h"
#include "bantam/train/train_options.h"

namespace bantam {

/// Bytes.
struct TrainingMemory {
  std::uint64_t frozen = 0;       ///< weights that do not train, as they lie
  std::uint64_t trained = 0;      ///< trained weights in f32
  std::uint64_t gradients = 0;    ///< of trained weights, f32
  std::uint64_t optimizer = 0;    ///< its state, f32
  std::uint64_t activations = 0;  ///< of the largest micro-batch: kept for backward, gradients of
                                  ///< a layer on their way, logits of some rows at a time
  std::uint64_t total() const { return frozen + trained + gradients + optimizer + activations; }
};

/// Values that one layer keeps for backward, for each token: 4 D (both norms and their inputs),
/// 2 H·E + 2 G·E (rotated queries, attention output, keys, values), 3 F (gate, up, their product).
std::int64_t activations_per_token(const DecoderConfig& config, int layer);

/// `longest`: tokens of the longest example, which passes alone when it exceeds the micro-batch.
TrainingMemory estimate_training_memory(Transformer& model, const ParameterSet& trained,
                                        const TrainOptions& options, std::int64_t longest);

}  // namespace bantam
