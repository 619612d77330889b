// A normalization with its weights.
#pragma once

#include <string>

#include "bantam/nn/taps.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

enum class NormKind {
  rms,
  layer,
  affine,  ///< weight * x + bias, which normalizes nothing
};

struct NormLayer {
  std::string site;  ///< taps: site + ".in", site + ".out"
  Tensor weight;     ///< [D], or [H, E] for each head; undefined where a model has no norm here
  Tensor bias;       ///< [D] or undefined; none with rms

  bool present() const { return weight.defined(); }
  /// Over the last axis of x: [.., D], or [.., H, E].
  Tensor forward(const Tensor& x, NormKind kind, float epsilon, Taps* taps) const;

 private:
  Tensor normalized(const Tensor& x, NormKind kind, float epsilon) const;
};

}  // namespace bantam
