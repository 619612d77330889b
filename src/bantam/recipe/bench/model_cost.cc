#include "bantam/recipe/bench/model_cost.h"

#include "bantam/base/error.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam {
namespace {

// Each token of a sequence sees itself and all before it.
double causal_pairs(double length) { return length * (length + 1) / 2; }

}  // namespace

ModelCost cost_of(const CausalLM& model) {
  const DecoderConfig& config = model.config();
  ModelCost cost;
  for (const LinearLayer* linear : model.linears()) {
    cost.linears += static_cast<double>(linear->weight.count());
    cost.weight_bytes += static_cast<double>(linear->weight.byte_size());
  }
  cost.head = static_cast<double>(model.head_weight().count());
  cost.weight_bytes += static_cast<double>(model.head_weight().byte_size());
  for (const auto& adapter : model.adapters()) {
    for (const auto& [site, delta] : adapter->deltas) {
      cost.adapters += static_cast<double>(delta.a.count() + delta.b.count());
    }
  }
  // One product for the score, one for the value.
  cost.pair = 2.0 * config.layers * static_cast<double>(config.heads * config.head_width);
  cost.kv_bytes = static_cast<double>(model.kv_shape().bytes_per_token());
  return cost;
}

Work ModelCost::prompt(double tokens) const {
  return {2 * ((linears + adapters) * tokens + head + pair * causal_pairs(tokens)),
          weight_bytes + kv_bytes * tokens};
}

Work ModelCost::decode(double context, double streams) const {
  return {2 * streams * (linears + adapters + head + pair * context),
          weight_bytes + kv_bytes * context * streams};
}

Work ModelCost::training_step(double rows, double length, bool full) const {
  const double tokens = rows * length;
  const double products = full ? 3 : 2;
  return {2 * (tokens * (products * (linears + head) + 3 * adapters) +
               3 * rows * pair * causal_pairs(length)),
          weight_bytes};
}

Bound bound_of(const Work& work, const MachineRates& rates) {
  const double reading = rates.memory_read > 0 ? work.bytes / rates.memory_read : 0;
  const double computing = rates.products > 0 ? work.operations / rates.products : 0;
  if (reading >= computing) {
    return {reading, fmt::format("memory {:.1f} GB/s", rates.memory_read / 1e9)};
  }
  return {computing,
          fmt::format("{} products {:.0f} GFLOP/s", rates.product_type, rates.products / 1e9)};
}

MachineRates rates_of(const DeviceBench& device) {
  const DType type = matmul_precision() == MatmulPrecision::bf16 ? DType::bf16 : DType::f32;
  return {device.memory_read(), device.best_gemm(type), std::string(info(type).name)};
}

}  // namespace bantam
