// The layer of two or three linears behind attention, and a mixture of several.
#pragma once

#include <string>
#include <vector>

#include "bantam/nn/forward_context.h"
#include "bantam/nn/linear_layer.h"

namespace bantam {

/// down(activation(gate x) * up x), or down(activation(up x)) where there is no gate.
struct FeedForwardLayer {
  std::string site;  ///< "layers.3.mlp"
  LinearLayer gate, up, down;

  Tensor forward(const Tensor& x, const ForwardContext& context) const;
  std::vector<LinearLayer*> linears();
};

/// Each token goes to the experts that the router likes best (ExpertsPart), and to the shared one.
struct ExpertsLayer {
  std::string site;                       ///< "layers.3.mlp"
  LinearLayer router;                     ///< [experts, D]
  std::vector<FeedForwardLayer> experts;  ///< sites "layers.3.mlp.experts.7"
  FeedForwardLayer shared;                ///< its weights undefined where there is none

  bool present() const { return !experts.empty(); }
  Tensor forward(const Tensor& x, const ForwardContext& context) const;
  std::vector<LinearLayer*> linears();
};

}  // namespace bantam
