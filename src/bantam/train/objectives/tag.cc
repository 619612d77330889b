#include "bantam/train/objectives/tag.h"

#include <numeric>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/train/spec_options.h"

namespace bantam {
namespace {

void require_tags(const Example& example) {
  const std::size_t tokens = example.ids.size();
  if (example.labels.size() == tokens && example.weights.size() == tokens) return;
  throw input_error(
      "example {}: expected a tag and a weight for each of {} tokens, found {} and {}",
      escaped(example.id), tokens, example.labels.size(), example.weights.size());
}

EncoderModel& require_token_head(EncoderModel& model) {
  if (model.kind() == HeadKind::token) return model;
  throw usage_error("objective tag: the model's head is a {}; expected one for tokens",
                    model.head().form->hf_class);
}

// The tokens of a micro-batch that have a tag to learn.
struct Targets {
  std::vector<std::int32_t> rows;  ///< places among the tokens laid end to end
  std::vector<std::int32_t> tags;
  std::vector<float> weights;
};

Targets targets_of(const MicroBatch& batch) {
  Targets targets;
  std::int32_t row = 0;
  for (const Example* example : batch.examples) {
    require_tags(*example);
    for (std::size_t token = 0; token < example->ids.size(); ++token, ++row) {
      if (example->weights[token] == 0) continue;
      targets.rows.push_back(row);
      targets.tags.push_back(example->labels[token]);
      targets.weights.push_back(example->weights[token]);
    }
  }
  return targets;
}

double weight_of_correct(const Tensor& logits, const Targets& targets) {
  const Tensor likeliest = argmax(logits, 1);
  const auto found = likeliest.span<std::int32_t>();
  double correct = 0;
  for (std::size_t i = 0; i < targets.tags.size(); ++i) {
    if (found[i] == targets.tags[i]) correct += targets.weights[i];
  }
  return correct;
}

Loss tag_loss(const MicroBatch& batch, EncoderModel& model) {
  const Targets targets = targets_of(batch);
  if (targets.rows.empty()) return {};
  std::vector<std::vector<std::int32_t>> texts, types;
  for (const Example* example : batch.examples) {
    texts.push_back(example->ids);
    types.push_back(example->types);
  }
  const auto count = std::ssize(targets.rows);
  const Tensor logits = index_rows(model.logits(make_encoder_batch(texts, types)),
                                   Tensor::from(targets.rows, {count}));
  Loss loss;
  loss.target_weight = std::accumulate(targets.weights.begin(), targets.weights.end(), 0.0);
  loss.sum = cross_entropy(logits, Tensor::from(targets.tags, {count}),
                           Tensor::from(std::span<const float>(targets.weights), {count}));
  const Tape::Paused paused;
  loss.figures = {{"accuracy", weight_of_correct(logits.stop_gradient(), targets)}};
  return loss;
}

}  // namespace

Objective tag_objective(const Spec& spec) {
  apply_spec(spec, {}, "objective");
  return {
      .target_weight = [](const Example& example) -> double {
        require_tags(example);
        return std::accumulate(example.weights.begin(), example.weights.end(), 0.0);
      },
      .loss =
          [](const MicroBatch& batch, const TrainableModel& model, const ObjectiveContext&) {
            return tag_loss(batch, require_token_head(model.as<EncoderModel>("tag")));
          },
  };
}

}  // namespace bantam
