// Adam with decoupled weight decay (arXiv:1711.05101, algorithm 2), as torch.optim.AdamW computes
// it.
//
//   w <- w (1 - rate decay)
//   m <- m + (1 - beta1) (g - m)            v <- beta2 v + (1 - beta2) g²
//   w <- w - rate / (1 - beta1^t) · m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
#pragma once

#include "bantam/train/optimizer.h"

namespace bantam {

struct AdamW final : Optimizer {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

  std::span<const std::string_view> state_names() const override;
  void update(Tensor& weight, const Tensor& gradient, std::span<Tensor> state,
              const UpdateStep& step) const override;
};

template <>
void describe(Describer<AdamW>& d);

std::unique_ptr<Optimizer> make_adamw(const Spec& spec);

}  // namespace bantam
