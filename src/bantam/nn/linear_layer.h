// A linear of a model: a weight of any type, an optional bias, and the adapters that act on it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/nn/adapter.h"
#include "bantam/nn/taps.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

struct LinearLayer {
  std::string site;  ///< "layers.3.attn.q"; taps: site + ".in", site + ".out"
  Tensor weight;     ///< [N, K]
  Tensor bias;       ///< [N] or undefined
  std::vector<std::shared_ptr<const Adapter>> adapters;  ///< in the order they were attached

  std::int64_t inputs() const { return weight.size(1); }
  std::int64_t outputs() const { return weight.size(0); }
  /// x [T, K] -> [T, N]. Errors carry the site.
  Tensor forward(const Tensor& x, Taps* taps) const;
};

}  // namespace bantam
