#include "bantam/nn/norm_layer.h"

#include "bantam/tensor/ops.h"

namespace bantam {

Tensor NormLayer::forward(const Tensor& input, NormKind kind, float epsilon, Taps* taps) const {
  const Tensor x = tap(taps, site, ".in", input);
  return tap(taps, site, ".out", normalized(x, kind, epsilon));
}

Tensor NormLayer::normalized(const Tensor& x, NormKind kind, float epsilon) const {
  if (weight.rank() > 1) {
    const Tensor ones = add_scalar(Tensor::zeros({x.size(-1)}, x.dtype()), 1);
    return multiply(NormLayer{site, ones, bias}.normalized(x, kind, epsilon), weight);
  }
  switch (kind) {
    case NormKind::rms:
      return rms_norm(x, weight, epsilon);
    case NormKind::layer:
      return layer_norm(x, weight, bias, epsilon);
    case NormKind::affine: {
      const Tensor scaled = multiply(x, weight);
      return bias.defined() ? add(scaled, bias) : scaled;
    }
  }
  throw internal_error("norm {}", static_cast<int>(kind));
}

}  // namespace bantam
