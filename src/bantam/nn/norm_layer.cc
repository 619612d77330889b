#include "bantam/nn/norm_layer.h"

#include "bantam/tensor/ops.h"

namespace bantam {

Tensor NormLayer::forward(const Tensor& input, NormKind kind, float epsilon, Taps* taps) const {
  const Tensor x = tap(taps, site, ".in", input);
  const Tensor y =
      kind == NormKind::rms ? rms_norm(x, weight, epsilon) : layer_norm(x, weight, bias, epsilon);
  return tap(taps, site, ".out", y);
}

}  // namespace bantam
