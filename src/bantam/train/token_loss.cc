#include "bantam/train/token_loss.h"

#include <cstdint>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

// Where something is predicted, and what: rows of the hidden states of all sequences end to end.
struct Targets {
  std::vector<std::int32_t> rows, ids;
  std::vector<float> weights;
};

std::size_t last_target(const Example& example, TokenWeight weight) {
  for (std::size_t t = example.ids.size(); t-- > 1;) {
    if (weight(example, t) != 0) return t;
  }
  return 0;
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
  Loss loss;
  std::vector<std::vector<std::int32_t>> sequences;
  Targets targets;
  std::int32_t offset = 0;
  for (const Example* example : batch.examples) {
    loss.target_weight += sum_weights(*example, weight);
    // The prediction of token t is made at t - 1, so the last target itself is never an input.
    const std::size_t length = last_target(*example, weight);
    if (length == 0) continue;
    sequences.emplace_back(example->ids.begin(),
                           example->ids.begin() + static_cast<std::ptrdiff_t>(length));
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

  const auto count = static_cast<std::int64_t>(targets.rows.size());
  Tensor hidden = model.hidden(make_batch(sequences));
  if (count != offset) hidden = index_rows(hidden, Tensor::from(targets.rows, {count}));
  loss.sum = linear_cross_entropy(hidden, model.head_weight(), Tensor::from(targets.ids, {count}),
                                  Tensor::from(std::span<const float>(targets.weights), {count}),
                                  nullptr, model.logit_form());
  return loss;
}

}  // namespace bantam
