#include "bantam/recipe/bench/model_cost.h"

#include "bantam/base/error.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam {
namespace {

// Each token of a sequence sees itself and all before it.
double causal_pairs(double length) { return length * (length + 1) / 2; }

double integers_of(const Tensor& weight) {
  return answers_multiply_integers(weight.dtype()) ? static_cast<double>(weight.count()) : 0;
}

}  // namespace

ModelCost cost_of(const CausalLM& model) {
  const DecoderConfig& config = model.config();
  ModelCost cost;
  for (const LinearLayer* linear : model.linears()) {
    cost.linears += static_cast<double>(linear->weight.count());
    cost.integer_linears += integers_of(linear->weight);
    cost.weight_bytes += static_cast<double>(linear->weight.byte_size());
  }
  cost.head = static_cast<double>(model.head_weight().count());
  cost.integer_head = integers_of(model.head_weight());
  cost.weight_bytes += static_cast<double>(model.head_weight().byte_size());
  for (const auto& adapter : model.adapters()) {
    for (const auto& [site, delta] : adapter->deltas) {
      cost.adapters += static_cast<double>(delta.a.count() + delta.b.count());
    }
  }
  // One product for the score, one for the value.
  for (int layer = 0; layer < config.layers; ++layer) {
    cost.pair += 2.0 * static_cast<double>(config.layer(layer).heads * config.head_width);
  }
  cost.kv_bytes = static_cast<double>(model.kv_shape().bytes_per_token());
  return cost;
}

Work ModelCost::prompt(double tokens) const {
  const double floats = linears - integer_linears + adapters;
  return {.operations = 2 * (floats * tokens + head - integer_head),
          .integer_operations = 2 * integer_head,
          .passage_operations = 2 * integer_linears * tokens,
          .passage_attention = 2 * pair * causal_pairs(tokens),
          .bytes = weight_bytes + kv_bytes * tokens};
}

Work ModelCost::decode(double context, double streams) const {
  const double floats = linears - integer_linears + adapters + head - integer_head;
  return {.operations = 2 * streams * (floats + pair * context),
          .integer_operations = 2 * streams * (integer_linears + integer_head),
          .bytes = weight_bytes + kv_bytes * context * streams};
}

Work ModelCost::training_step(double rows, double length, bool full) const {
  const double tokens = rows * length;
  const double products = full ? 3 : 2;
  return {.operations = 2 * (tokens * (linears + head + 3 * adapters) +
                             3 * rows * pair * causal_pairs(length)),
          .gradient_operations = 2 * tokens * (products - 1) * (linears + head),
          .bytes = weight_bytes};
}

Bound bound_of(const Work& work, const MachineRates& rates) {
  const auto time = [](double amount, double rate) { return rate > 0 ? amount / rate : 0; };
  const double reading = time(work.bytes, rates.memory_read);
  const double gradient_rate =
      rates.gradient_products > 0 ? rates.gradient_products : rates.products;
  const bool as_others = rates.gradient_products == 0 || rates.gradient_type == rates.product_type;
  const double gradients = time(work.gradient_operations, gradient_rate);
  const bool tiles = rates.passage_products > 0;
  const double passages =
      tiles ? time(work.passage_operations + work.passage_attention, rates.passage_products) : 0;
  const double others =
      time(work.operations + (tiles ? 0 : work.passage_attention), rates.products) +
      (as_others ? gradients : 0);
  const double integers =
      time(work.integer_operations + (tiles ? 0 : work.passage_operations), rates.integer_products);
  const double computing = others + integers + passages + (as_others ? 0 : gradients);
  if (reading >= computing) {
    return {reading, fmt::format("memory {:.1f} GB/s", rates.memory_read / 1e9)};
  }
  Bound bound{computing, {}};
  const auto name = [&](double seconds, const std::string& type, double rate) {
    constexpr double kWorthNaming = 0.1;
    if (seconds < kWorthNaming * computing) return;
    const bool counts_integers = type.starts_with("i");
    bound.by += fmt::format("{} {:.0f} {}", bound.by.empty() ? type + " products" : ", " + type,
                            rate / 1e9, counts_integers ? "GOP/s" : "GFLOP/s");
  };
  name(integers, "integer", rates.integer_products);
  if (tiles) name(passages, "bf16", rates.passage_products);
  name(others, rates.product_type, rates.products);
  if (!as_others) name(gradients, rates.gradient_type, rates.gradient_products);
  return bound;
}

MachineRates rates_of(const DeviceBench& device, Rounding rounding) {
  const RoundActivations as_models_do(rounding);
  const MatmulPrecision type = matmul_precision();
  return {.memory_read = device.best_memory_read(),
          .products = device.best_gemm(type),
          .product_type = std::string(name_of(type)),
          .integer_products = device.best_integer(),
          .passage_products = device.best_passage(),
          .gradient_products = device.best_gemm(gradient_precision()),
          .gradient_type = std::string(name_of(gradient_precision()))};
}

}  // namespace bantam
