#include "bantam/train/optimizers/adamw.h"

#include <array>
#include <cmath>

#include "bantam/base/threads.h"
#include "bantam/train/spec_options.h"

namespace bantam {
namespace {

// What is the same for every element of one update, rounded to f32 where torch rounds.
struct Constants {
  float keep, scale, one_minus_beta1, beta2, one_minus_beta2, bias2_root, epsilon, step_size;
};

constexpr std::int64_t kLine = 16;    // elements of a cache line
constexpr std::int64_t kAhead = 512;  // elements: as far as memory is asked for ahead; measured

// No library call and no branch inside: the compiler turns this loop into vectors.
inline void update_range(float* __restrict w, const float* __restrict g, float* __restrict m,
                         float* __restrict v, std::int64_t count, const Constants& c) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * c.scale;
    m[i] += c.one_minus_beta1 * (gradient - m[i]);
    v[i] = c.beta2 * v[i] + c.one_minus_beta2 * gradient * gradient;
    const float denominator = std::sqrt(v[i]) / c.bias2_root + c.epsilon;
    w[i] = w[i] * c.keep - c.step_size * (m[i] / denominator);
  }
}

// Four streams of memory, of which the hardware alone reads too little ahead.
void update_chunk(float* w, const float* g, float* m, float* v, std::int64_t count,
                  const Constants& c) {
  std::int64_t i = 0;
  for (; i + kLine <= count; i += kLine) {
    __builtin_prefetch(w + i + kAhead), __builtin_prefetch(g + i + kAhead);
    __builtin_prefetch(m + i + kAhead), __builtin_prefetch(v + i + kAhead);
    update_range(w + i, g + i, m + i, v + i, kLine, c);
  }
  update_range(w + i, g + i, m + i, v + i, count - i, c);
}

}  // namespace

template <>
void describe(Describer<AdamW>& d) {
  d(&AdamW::beta1, "beta1", "Decay of the mean of gradients.", between(0.0, 0.999999));
  d(&AdamW::beta2, "beta2", "Decay of the mean of squared gradients.", between(0.0, 0.999999999));
  d(&AdamW::epsilon, "epsilon", "Added to the root of the mean square.", between(1e-30, 1.0));
}

std::span<const std::string_view> AdamW::state_names() const {
  static constexpr std::array<std::string_view, 2> names = {"exp_avg", "exp_avg_sq"};
  return names;
}

void AdamW::update(Tensor& weight, const Tensor& gradient, std::span<Tensor> state,
                   const UpdateStep& step) const {
  const auto t = static_cast<double>(step.count);
  const double bias1 = 1 - std::pow(beta1, t), bias2 = 1 - std::pow(beta2, t);
  const Constants constants{
      .keep = static_cast<float>(1 - step.rate * step.weight_decay),
      .scale = static_cast<float>(step.gradient_scale),
      .one_minus_beta1 = static_cast<float>(1 - beta1),
      .beta2 = static_cast<float>(beta2),
      .one_minus_beta2 = static_cast<float>(1 - beta2),
      .bias2_root = static_cast<float>(std::sqrt(bias2)),
      .epsilon = static_cast<float>(epsilon),
      .step_size = static_cast<float>(step.rate / bias1),
  };
  float* w = weight.data<float>();
  float* m = state[0].data<float>();
  float* v = state[1].data<float>();
  const float* g = gradient.data<float>();
  parallel_for(weight.count(), kUpdateChunk, [&](std::int64_t begin, std::int64_t end) {
    update_chunk(w + begin, g + begin, m + begin, v + begin, end - begin, constants);
  });
}

std::unique_ptr<Optimizer> make_adamw(const Spec& spec) {
  auto optimizer = std::make_unique<AdamW>();
  std::vector<Option> options = options_of(*optimizer);
  apply_spec(spec, options, "optimizer");
  return optimizer;
}

}  // namespace bantam
