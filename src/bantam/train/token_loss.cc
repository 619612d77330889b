#include "bantam/train/token_loss.h"

#include <cstdint>
#include <functional>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

// What the model reads: beginnings of sequences, and the text that each answers to, if any.
struct Inputs {
  std::vector<std::vector<std::int32_t>> answers, sources;
};
using HiddenStates = std::function<Tensor(const Inputs&)>;

// Where something is predicted, and what: rows of the hidden states of all sequences end to end.
struct Targets {
  std::vector<std::int32_t> rows, ids;
  std::vector<float> weights;
  std::int64_t count() const { return static_cast<std::int64_t>(rows.size()); }
};

std::size_t last_target(const Example& example, TokenWeight weight) {
  for (std::size_t t = example.ids.size(); t-- > 1;) {
    if (weight(example, t) != 0) return t;
  }
  return 0;
}

// With `smoothing` ε, Σ weight · ((1 - ε) · -log p(target) + ε · mean over the vocabulary of -log
// p).
Tensor smoothed_cross_entropy(const Tensor& logits, const Tensor& ids, const Tensor& weights,
                              double smoothing) {
  const Tensor likely = cross_entropy(logits, ids, weights);
  if (smoothing == 0) return likely;
  const Tensor spread = multiply(mean(log_softmax(logits), 1), weights);
  return subtract(scale(likely, 1 - smoothing), scale(sum(spread), smoothing));
}

// Rows of hidden states [n, D] to the loss of the n targets.
Tensor loss_of_rows(const CausalLM& model, const Tensor& hidden, const Targets& targets,
                    double smoothing) {
  const Tensor ids = Tensor::from(targets.ids, {targets.count()});
  const Tensor weights = Tensor::from(std::span<const float>(targets.weights), {targets.count()});
  // All scores at once only where something is asked of every one of them.
  if (smoothing != 0 || model.head_bias().defined()) {
    return smoothed_cross_entropy(model.logits(hidden), ids, weights, smoothing);
  }
  return linear_cross_entropy(hidden, model.head_weight(), ids, weights, nullptr,
                              model.logit_form());
}

Loss target_loss(const MicroBatch& batch, const CausalLM& model, TokenWeight weight,
                 const HiddenStates& hidden_of, double smoothing) {
  Loss loss;
  Inputs inputs;
  Targets targets;
  std::int32_t offset = 0;
  for (const Example* example : batch.examples) {
    loss.target_weight += sum_weights(*example, weight);
    // The prediction of token t is made at t - 1, so the last target itself is never an input.
    const std::size_t length = last_target(*example, weight);
    if (length == 0) continue;
    inputs.answers.emplace_back(example->ids.begin(),
                                example->ids.begin() + static_cast<std::ptrdiff_t>(length));
    inputs.sources.push_back(example->source);
    for (std::size_t t = 1; t <= length; ++t) {
      const float w = weight(*example, t);
      if (w == 0) continue;
      targets.rows.push_back(offset + static_cast<std::int32_t>(t) - 1);
      targets.ids.push_back(example->ids[t]);
      targets.weights.push_back(w);
    }
    offset += static_cast<std::int32_t>(length);
  }
  if (targets.rows.empty()) return loss;
  Tensor hidden = hidden_of(inputs);
  if (targets.count() != offset) {
    hidden = index_rows(hidden, Tensor::from(targets.rows, {targets.count()}));
  }
  loss.sum = loss_of_rows(model, hidden, targets, smoothing);
  return loss;
}

}  // namespace

double sum_weights(const Example& example, TokenWeight weight) {
  if (example.ids.size() != example.weights.size()) {
    throw input_error("example {}: {} token ids but {} weights", escaped(example.id),
                      example.ids.size(), example.weights.size());
  }
  double total = 0;
  for (std::size_t t = 1; t < example.ids.size(); ++t) total += weight(example, t);
  return total;
}

Loss token_loss(const MicroBatch& batch, CausalLM& model, TokenWeight weight) {
  const HiddenStates hidden = [&model](const Inputs& inputs) {
    return model.hidden(make_batch(inputs.answers));
  };
  return target_loss(batch, model, weight, hidden, 0);
}

Loss answer_loss(const MicroBatch& batch, Seq2SeqModel& model, TokenWeight weight,
                 double label_smoothing) {
  const HiddenStates hidden = [&model](const Inputs& inputs) {
    return model.hidden(make_seq2seq_batch(model.encode(inputs.sources), inputs.answers));
  };
  return target_loss(batch, model, weight, hidden, label_smoothing);
}

}  // namespace bantam
