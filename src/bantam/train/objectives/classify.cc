#include "bantam/train/objectives/classify.h"

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/train/spec_options.h"

namespace bantam {
namespace {

float weight_of(const Example& example) {
  if (example.weights.size() == 1) return example.weights.front();
  throw input_error("example {}: expected one weight, that of the text, found {}",
                    escaped(example.id), example.weights.size());
}

Tensor logits_of(const MicroBatch& batch, EncoderModel& model) {
  std::vector<std::vector<std::int32_t>> texts, types;
  for (const Example* example : batch.examples) {
    texts.push_back(example->ids);
    types.push_back(example->types);
  }
  return model.logits(make_encoder_batch(texts, types));
}

Tensor weights_of(const MicroBatch& batch, Loss& loss) {
  std::vector<float> weights;
  for (const Example* example : batch.examples) {
    weights.push_back(weight_of(*example));
    loss.target_weight += weights.back();
  }
  return Tensor::from(std::span<const float>(weights), {std::ssize(weights)});
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
  std::vector<std::int32_t> labels;
  for (const Example* example : batch.examples) {
    if (example->labels.size() != 1) {
      throw input_error("example {}: expected one class, found {}", escaped(example->id),
                        example->labels.size());
    }
    labels.push_back(example->labels.front());
  }
  Loss loss;
  const Tensor weights = weights_of(batch, loss), logits = logits_of(batch, model);
  loss.sum = cross_entropy(logits, Tensor::from(labels, {std::ssize(labels)}), weights);
  const Tape::Paused paused;
  loss.figures = {
      {"accuracy", weight_of_correct(logits.stop_gradient(), labels, weights.span<float>())}};
  return loss;
}

// -log of the probability that sigmoid(logit) gives a target of 1 or 0: log(1 + e^x) - target x,
// written so that no exponential grows.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& targets) {
  const Tensor positive = relu(logits);
  const Tensor magnitude = add(positive, relu(negate(logits)));
  const Tensor tail = log(add_scalar(exp(negate(magnitude)), 1));
  return subtract(add(positive, tail), multiply(logits, targets));
}

double weight_of_right_decisions(const Tensor& logits, std::span<const float> targets,
                                 std::span<const float> weights) {
  const auto scores = logits.span<float>();
  const std::size_t labels = targets.size() / weights.size();
  double right = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if ((scores[i] > 0) == (targets[i] > 0.5f)) right += weights[i / labels];
  }
  return right / static_cast<double>(labels);
}

Loss label_loss(const MicroBatch& batch, EncoderModel& model) {
  const std::size_t labels = model.labels().size();
  std::vector<float> targets;
  for (const Example* example : batch.examples) {
    if (example->targets.size() != labels) {
      throw input_error("example {}: expected a target for each of {} labels, found {}",
                        escaped(example->id), labels, example->targets.size());
    }
    targets.insert(targets.end(), example->targets.begin(), example->targets.end());
  }
  Loss loss;
  const Tensor weights = weights_of(batch, loss), logits = logits_of(batch, model);
  const Tensor losses =
      binary_cross_entropy(logits, Tensor::from(std::span<const float>(targets), logits.shape()));
  loss.sum = sum(multiply(mean(losses, 1), weights));
  const Tape::Paused paused;
  loss.figures = {{"accuracy", weight_of_right_decisions(logits.stop_gradient(), targets,
                                                         weights.span<float>())}};
  return loss;
}

Loss loss_of(const MicroBatch& batch, EncoderModel& model) {
  switch (output_of(model.head().config)) {
    case HeadOutput::classes:
      return class_loss(batch, model);
    case HeadOutput::labels:
      return label_loss(batch, model);
    case HeadOutput::number:
      break;
  }
  throw usage_error("objective classify: the model's head gives a number; expected labels");
}

}  // namespace

Objective classify_objective(const Spec& spec) {
  apply_spec(spec, {}, "objective");
  return {
      .target_weight = weight_of,
      .loss =
          [](const MicroBatch& batch, const TrainableModel& model, const ObjectiveContext&) {
            return loss_of(batch, model.as<EncoderModel>("classify"));
          },
  };
}

}  // namespace bantam
