#include "bantam/nn/linear_layer.h"

#include <utility>

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
  return tap(taps, site, ".out", with_adapters(x, std::move(y)));
}

Tensor LinearLayer::with_adapters(const Tensor& x, Tensor y) const {
  for (const auto& adapter : adapters) {
    const auto found = adapter->deltas.find(site);
    if (found == adapter->deltas.end()) continue;
    y = with_lora(found->second, adapter->gate, x, std::move(y));
  }
  return y;
}

std::vector<Tensor> forward_each(std::initializer_list<const LinearLayer*> layers, const Tensor& x,
                                 Taps* taps) {
  std::vector<Tensor> ys;
  if (taps != nullptr) {  // a tap may give each layer an input of its own
    for (const LinearLayer* layer : layers) ys.push_back(layer->forward(x, taps));
    return ys;
  }
  std::vector<Tensor> weights;
  weights.reserve(layers.size());
  for (const LinearLayer* layer : layers) weights.push_back(layer->weight);
  try {
    ys = linear_each(x, weights);
  } catch (const Error& error) {
    throw error.at((*layers.begin())->site);
  }
  auto y = ys.begin();
  for (const LinearLayer* layer : layers) {
    if (layer->bias.defined()) *y = add(*y, layer->bias);
    *y = layer->with_adapters(x, std::move(*y));
    ++y;
  }
  return ys;
}

}  // namespace bantam
