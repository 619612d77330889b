#include "bantam/train/objectives/classify.h"

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/train/spec_options.h"

namespace bantam {
namespace {

void require_label(const Example& example) {
  if (example.labels.size() == 1 && example.weights.size() == 1) return;
  throw input_error("example {}: expected one class with one weight, found {} and {}",
                    escaped(example.id), example.labels.size(), example.weights.size());
}

double weight_of_correct(const Tensor& logits, std::span<const std::int32_t> labels,
                         std::span<const float> weights) {
  const Tensor likeliest = argmax(logits, 1);
  const auto found = likeliest.span<std::int32_t>();
  double correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (found[i] == labels[i]) correct += weights[i];
  }
  return correct;
}

Loss class_loss(const MicroBatch& batch, EncoderModel& model) {
  std::vector<std::vector<std::int32_t>> texts, types;
  std::vector<std::int32_t> labels;
  std::vector<float> weights;
  Loss loss;
  for (const Example* example : batch.examples) {
    require_label(*example);
    texts.push_back(example->ids);
    types.push_back(example->types);
    labels.push_back(example->labels.front());
    weights.push_back(example->weights.front());
    loss.target_weight += example->weights.front();
  }
  const auto count = std::ssize(labels);
  const Tensor logits = model.logits(make_encoder_batch(texts, types));
  loss.sum = cross_entropy(logits, Tensor::from(labels, {count}),
                           Tensor::from(std::span<const float>(weights), {count}));
  const Tape::Paused paused;
  loss.figures = {{"accuracy", weight_of_correct(logits.stop_gradient(), labels, weights)}};
  return loss;
}

}  // namespace

Objective classify_objective(const Spec& spec) {
  apply_spec(spec, {}, "objective");
  return {
      .target_weight = [](const Example& example) -> double {
        require_label(example);
        return example.weights.front();
      },
      .loss =
          [](const MicroBatch& batch, const TrainableModel& model, const ObjectiveContext&) {
            return class_loss(batch, model.as<EncoderModel>("classify"));
          },
  };
}

}  // namespace bantam
