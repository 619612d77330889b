#include "bantam/nn/linear_layer.h"

#include "bantam/tensor/ops.h"

namespace bantam {

Tensor LinearLayer::forward(const Tensor& input, Taps* taps) const {
  const Tensor x = tap(taps, site, ".in", input);
  Tensor y;
  try {
    y = linear(x, weight, bias);
  } catch (const Error& error) {
    throw error.at(site);
  }
  for (const auto& adapter : adapters) {
    const auto found = adapter->deltas.find(site);
    if (found == adapter->deltas.end()) continue;
    const Tensor delta = lora_output(found->second, adapter->gate, x);
    if (delta.defined()) y = add(y, delta);
  }
  return tap(taps, site, ".out", y);
}

}  // namespace bantam
