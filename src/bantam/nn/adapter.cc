#include "bantam/nn/adapter.h"

#include <cmath>
#include <utility>

#include "bantam/base/random.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

int layer_of(const std::string& site) {
  constexpr std::string_view prefix = "layers.";
  if (!site.starts_with(prefix)) return -1;
  int layer = 0;
  for (std::size_t i = prefix.size(); i < site.size() && site[i] != '.'; ++i)
    layer = 10 * layer + (site[i] - '0');
  return layer;
}

}  // namespace

void Adapter::add_delta(const std::string& site, std::int64_t inputs, std::int64_t outputs,
                        std::uint64_t seed) {
  LoraDelta delta;
  delta.scale = options.alpha / options.rank;
  delta.a = Tensor::empty({options.rank, inputs});
  delta.b = Tensor::zeros({outputs, options.rank});
  const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
  const RandomStream stream(seed, "lora." + site);
  float* a = delta.a.data<float>();
  for (std::int64_t i = 0; i < delta.a.count(); ++i) {
    a[i] = static_cast<float>((2 * stream.uniform_at(static_cast<std::uint64_t>(i)) - 1) * bound);
  }
  deltas.insert_or_assign(site, std::move(delta));
}

std::vector<Parameter> Adapter::parameters() {
  std::vector<Parameter> list;
  for (auto& [site, delta] : deltas) {
    list.push_back({site + ".lora_a", &delta.a, ParameterRole::adapter, layer_of(site)});
    list.push_back({site + ".lora_b", &delta.b, ParameterRole::adapter, layer_of(site)});
  }
  return list;
}

Tensor with_lora(const LoraDelta& delta, const Gate& gate, const Tensor& x, Tensor y) {
  if (gate.closed()) return y;
  // The gate acts on the narrow side: r numbers a token instead of N.
  Tensor narrow = scale(linear(x, delta.a), delta.scale * gate.value);
  if (gate.per_token.defined()) narrow = multiply(narrow, gate.per_token);
  return add_linear(std::move(y), narrow, delta.b);
}

Tensor lora_weight(const LoraDelta& delta) { return scale(matmul(delta.b, delta.a), delta.scale); }

}  // namespace bantam
