#include "bantam/train/training_memory.h"

#include <algorithm>
#include <set>
#include <string>

#include "bantam/tensor/ops/cross_entropy.h"
#include "bantam/train/optimizer.h"

namespace bantam {

std::int64_t activations_per_token(const DecoderConfig& config, int layer) {
  const LayerPart part = config.layer(layer);
  return 4 * config.width + 2 * (part.heads + part.kv_heads) * config.head_width +
         3 * part.feed_forward;
}

namespace {

// Kept for backward, for each token, and the gradients of a layer's values on their way, with the
// factors that products make of them: by both stacks of an encoder-decoder, though a token passes
// through one of them alone.
std::uint64_t values_per_token(const DecoderConfig& config, const TrainOptions& options) {
  std::uint64_t all_layers = 0, largest_layer = 0;
  for (int layer = 0; layer < config.layers; ++layer) {
    const auto values = static_cast<std::uint64_t>(activations_per_token(config, layer));
    all_layers += values;
    largest_layer = std::max(largest_layer, values);
  }
  const auto inputs = static_cast<std::uint64_t>(config.layers * config.width);
  return (options.gradient_checkpointing ? inputs + largest_layer : all_layers) +
         2 * largest_layer + (config.encoder ? values_per_token(*config.encoder, options) : 0);
}

}  // namespace

TrainingMemory estimate_training_memory(Transformer& model, const ParameterSet& trained,
                                        const TrainOptions& options, std::int64_t longest) {
  TrainingMemory memory;
  std::set<const Tensor*> trains;
  for (const Parameter& parameter : trained.parameters()) trains.insert(parameter.tensor);
  for (const Parameter& parameter : model.parameters()) {
    if (!trains.contains(parameter.tensor)) memory.frozen += parameter.tensor->byte_size();
  }
  constexpr std::uint64_t kFloat = sizeof(float);
  memory.trained = kFloat * static_cast<std::uint64_t>(trained.element_count());
  memory.gradients = memory.trained;
  memory.optimizer = memory.trained * make_optimizer(options.optimizer)->state_names().size();

  const auto tokens = static_cast<std::uint64_t>(std::max(options.micro_batch_tokens, longest));
  const auto vocabulary = static_cast<std::uint64_t>(model.config().vocabulary);
  const auto logit_rows = std::min(
      tokens, static_cast<std::uint64_t>(rows_of_logits_at_once(model.config().vocabulary)));
  // Their gradient takes their place, and is a factor in bytes.
  const std::uint64_t of_logits = logit_rows * vocabulary * (kFloat + 1);
  memory.activations = kFloat * tokens * values_per_token(model.config(), options) + of_logits;
  return memory;
}

}  // namespace bantam
