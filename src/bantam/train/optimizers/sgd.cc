#include "bantam/train/optimizers/sgd.h"

#include <array>

#include "bantam/base/threads.h"
#include "bantam/train/spec_options.h"

namespace bantam {
namespace {

struct Constants {
  float keep, scale, rate, momentum;
  bool nesterov;
};

void update_plain(float* __restrict w, const float* __restrict g, std::int64_t count,
                  const Constants& c) {
  for (std::int64_t i = 0; i < count; ++i) w[i] = w[i] * c.keep - c.rate * (g[i] * c.scale);
}

void update_momentum(float* __restrict w, const float* __restrict g, float* __restrict b,
                     std::int64_t count, const Constants& c) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * c.scale;
    b[i] = c.momentum * b[i] + gradient;
    const float direction = c.nesterov ? gradient + c.momentum * b[i] : b[i];
    w[i] = w[i] * c.keep - c.rate * direction;
  }
}

}  // namespace

template <>
void describe(Describer<Sgd>& d) {
  d(&Sgd::momentum, "momentum", "Share of the last direction that is kept; 0 keeps none.",
    between(0.0, 0.999999));
  d(&Sgd::nesterov, "nesterov", "Look ahead along the momentum.");
}

std::span<const std::string_view> Sgd::state_names() const {
  static constexpr std::array<std::string_view, 1> names = {"momentum_buffer"};
  return std::span(names).first(momentum == 0 ? 0 : 1);
}

void Sgd::update(Tensor& weight, const Tensor& gradient, std::span<Tensor> state,
                 const UpdateStep& step) const {
  const Constants constants{
      .keep = static_cast<float>(1 - step.rate * step.weight_decay),
      .scale = static_cast<float>(step.gradient_scale),
      .rate = static_cast<float>(step.rate),
      .momentum = static_cast<float>(momentum),
      .nesterov = nesterov,
  };
  float* w = weight.data<float>();
  const float* g = gradient.data<float>();
  float* b = state.empty() ? nullptr : state[0].data<float>();
  parallel_for(weight.count(), kUpdateChunk, [&](std::int64_t begin, std::int64_t end) {
    if (b == nullptr) {
      update_plain(w + begin, g + begin, end - begin, constants);
    } else {
      update_momentum(w + begin, g + begin, b + begin, end - begin, constants);
    }
  });
}

std::unique_ptr<Optimizer> make_sgd(const Spec& spec) {
  auto optimizer = std::make_unique<Sgd>();
  std::vector<Option> options = options_of(*optimizer);
  apply_spec(spec, options, "optimizer");
  if (optimizer->nesterov && optimizer->momentum == 0) {
    throw usage_error(
        "optimizer sgd: nesterov needs a momentum; write sgd:momentum=0.9,nesterov=yes");
  }
  return optimizer;
}

}  // namespace bantam
