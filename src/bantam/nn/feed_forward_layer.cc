#include "bantam/nn/feed_forward_layer.h"

#include <algorithm>
#include <numeric>

#include "bantam/tensor/ops.h"

namespace bantam {

Tensor FeedForwardLayer::forward(const Tensor& x, const ForwardContext& context) const {
  const Activation activation = context.config.activation;
  if (!gate.weight.defined()) {
    return down.forward(activate(activation, up.forward(x, context.taps)), context.taps);
  }
  const std::vector<Tensor> inner = forward_each({&gate, &up}, x, context.taps);
  const Tensor joined = activation == Activation::silu
                            ? swiglu(inner[0], inner[1])
                            : multiply(activate(activation, inner[0]), inner[1]);
  return down.forward(joined, context.taps);
}

std::vector<LinearLayer*> FeedForwardLayer::linears() {
  std::vector<LinearLayer*> list;
  for (LinearLayer* linear : {&gate, &up, &down}) {
    if (linear->weight.defined()) list.push_back(linear);
  }
  return list;
}

namespace {

// The experts of one token, best first; of equals the first. Only the best groups count.
std::vector<std::int32_t> best_experts(std::span<const float> scores, const ExpertsPart& part) {
  const auto group_size = static_cast<std::size_t>(part.count / part.groups);
  std::vector<std::int32_t> groups(static_cast<std::size_t>(part.groups));
  std::iota(groups.begin(), groups.end(), 0);
  const auto best_of_group = [&](std::int32_t group) {
    return *std::ranges::max_element(
        scores.subspan(static_cast<std::size_t>(group) * group_size, group_size));
  };
  std::ranges::stable_sort(groups, std::ranges::greater(), best_of_group);
  groups.resize(static_cast<std::size_t>(part.groups_used));
  std::vector<std::int32_t> experts;
  for (const std::int32_t group : groups) {
    for (std::size_t i = 0; i < group_size; ++i) {
      experts.push_back(
          static_cast<std::int32_t>(static_cast<std::size_t>(group) * group_size + i));
    }
  }
  std::ranges::sort(experts);
  std::ranges::stable_sort(experts, std::ranges::greater(), [&](std::int32_t expert) {
    return scores[static_cast<std::size_t>(expert)];
  });
  experts.resize(static_cast<std::size_t>(part.used));
  return experts;
}

// Which tokens go where. Choices are numbered token by token, `used` for each.
struct Routes {
  std::vector<std::int32_t> experts;               ///< [T * used] of each choice
  std::vector<std::vector<std::int32_t>> choices;  ///< of each expert

  Routes(const Tensor& scores, const ExpertsPart& part)
      : choices(static_cast<std::size_t>(part.count)) {
    const Tensor values = cast(scores.stop_gradient(), DType::f32);
    for (std::int64_t token = 0; token < scores.size(0); ++token) {
      const auto row = values.span<float>().subspan(static_cast<std::size_t>(token * part.count),
                                                    static_cast<std::size_t>(part.count));
      for (const std::int32_t expert : best_experts(row, part)) {
        choices[static_cast<std::size_t>(expert)].push_back(
            static_cast<std::int32_t>(experts.size()));
        experts.push_back(expert);
      }
    }
  }
};

Tensor index_tensor(const std::vector<std::int32_t>& values) {
  return Tensor::from(values, {std::ssize(values)});
}

}  // namespace

Tensor ExpertsLayer::forward(const Tensor& x, const ForwardContext& context) const {
  const ExpertsPart& part = context.config.experts;
  const std::int64_t tokens = x.size(0);
  const Tensor scores = softmax(router.forward(x, context.taps));
  const Routes routes(scores, part);

  // What each expert makes of its tokens, in the order of experts; then back in the order of
  // choices.
  std::vector<Tensor> outputs;
  std::vector<std::int32_t> place(routes.experts.size());
  std::int32_t next = 0;
  for (std::size_t expert = 0; expert < experts.size(); ++expert) {
    const std::vector<std::int32_t>& choices = routes.choices[expert];
    if (choices.empty()) continue;
    std::vector<std::int32_t> rows;
    for (const std::int32_t choice : choices) {
      rows.push_back(choice / static_cast<std::int32_t>(part.used));
      place[static_cast<std::size_t>(choice)] = next++;
    }
    outputs.push_back(experts[expert].forward(index_rows(x, index_tensor(rows)), context));
  }
  const Tensor mixed = index_rows(concatenate(outputs, 0), index_tensor(place));

  std::vector<std::int32_t> token_of_choice(routes.experts.size());
  for (std::size_t i = 0; i < token_of_choice.size(); ++i) {
    token_of_choice[i] = static_cast<std::int32_t>(i) / static_cast<std::int32_t>(part.used);
  }
  Tensor weights = reshape(
      pick_columns(index_rows(scores, index_tensor(token_of_choice)), index_tensor(routes.experts)),
      {tokens, part.used, 1});
  if (part.normalize) weights = divide(weights, sum(weights, 1, true));
  if (part.scale != 1) weights = scale(weights, part.scale);
  Tensor y = sum(multiply(reshape(mixed, {tokens, part.used, x.size(1)}), weights), 1);
  if (shared.down.weight.defined()) y = add(y, shared.forward(x, context));
  return y;
}

std::vector<LinearLayer*> ExpertsLayer::linears() {
  std::vector<LinearLayer*> list;
  if (!present()) return list;
  list.push_back(&router);
  for (FeedForwardLayer& expert : experts) {
    for (LinearLayer* linear : expert.linears()) list.push_back(linear);
  }
  for (LinearLayer* linear : shared.linears()) list.push_back(linear);
  return list;
}

}  // namespace bantam
