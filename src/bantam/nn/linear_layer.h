// A linear of a model: a weight of any type, an optional bias, and the adapters that act on it.
#pragma once

#include <initializer_list>
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
  /// y plus what the adapters make of x.
  Tensor with_adapters(const Tensor& x, Tensor y) const;
};

/// forward() of several layers that read the same x, together where that is faster.
std::vector<Tensor> forward_each(std::initializer_list<const LinearLayer*> layers, const Tensor& x,
                                 Taps* taps);

}  // namespace bantam
