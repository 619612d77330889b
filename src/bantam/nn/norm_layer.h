// A normalization with its weights.
#pragma once

#include <string>

#include "bantam/nn/taps.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

enum class NormKind { rms, layer };

struct NormLayer {
  std::string site;  ///< taps: site + ".in", site + ".out"
  Tensor weight;     ///< [D]; undefined where a model has no norm here
  Tensor bias;       ///< [D] or undefined; layer normalization only

  bool present() const { return weight.defined(); }
  /// Over the last axis of x.
  Tensor forward(const Tensor& x, NormKind kind, float epsilon, Taps* taps) const;
};

}  // namespace bantam
