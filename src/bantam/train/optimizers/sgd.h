// Stochastic gradient descent with optional momentum, as torch.optim.SGD computes it, but with
// decoupled weight decay like every optimizer here.
//
//   w <- w (1 - rate decay)
//   b <- momentum b + g        (without momentum: b = g, no state)
//   w <- w - rate b            (nesterov: w <- w - rate (g + momentum b))
#pragma once

#include "bantam/train/optimizer.h"

namespace bantam {

struct Sgd final : Optimizer {
  double momentum = 0;
  bool nesterov = false;

  std::span<const std::string_view> state_names() const override;
  void update(Tensor& weight, const Tensor& gradient, std::span<Tensor> state,
              const UpdateStep& step) const override;
};

template <>
void describe(Describer<Sgd>& d);

std::unique_ptr<Optimizer> make_sgd(const Spec& spec);

}  // namespace bantam
