// What a model must compute and read, counted from its shapes: the other half of every bound.
#pragma once

#include <cstdint>
#include <string>

#include "bantam/model/causal_lm.h"
#include "bantam/recipe/bench/device_bench.h"

namespace bantam {

struct Work {
  double operations = 0;           ///< of all other products, two a multiplication
  double integer_operations = 0;   ///< of 8-bit integers with quantized weights
  double passage_operations = 0;   ///< of passages (Rounding) with quantized weights
  double passage_attention = 0;    ///< of their attention
  double gradient_operations = 0;  ///< of products that form gradients of linears
  double bytes = 0;                ///< that must come from memory

  double all_operations() const {
    return operations + integer_operations + passage_operations + passage_attention +
           gradient_operations;
  }
};
inline Work operator+(const Work& a, const Work& b) {
  return {a.operations + b.operations,
          a.integer_operations + b.integer_operations,
          a.passage_operations + b.passage_operations,
          a.passage_attention + b.passage_attention,
          a.gradient_operations + b.gradient_operations,
          a.bytes + b.bytes};
}
inline Work operator*(double times, const Work& work) {
  return {times * work.operations,          times * work.integer_operations,
          times * work.passage_operations,  times * work.passage_attention,
          times * work.gradient_operations, times * work.bytes};
}

struct ModelCost {
  double linears = 0;  ///< numbers in the linears of all layers: multiplications a token
  double head = 0;     ///< numbers in the output head
  /// Of linears and head, what answers multiply in integers. Training multiplies none.
  double integer_linears = 0, integer_head = 0;
  double adapters = 0;      ///< numbers in attached adapters
  double pair = 0;          ///< multiplications a pair (token, token it sees), over all layers
  double weight_bytes = 0;  ///< of linears and head as they lie
  double kv_bytes = 0;      ///< keys and values of one token

  /// A prompt of `tokens` after which one token's logits are computed.
  Work prompt(double tokens) const;
  /// One pass that adds one token to each of `streams` sequences of `context` tokens: weights are
  /// read once for all.
  Work decode(double context, double streams = 1) const;
  /// Forward and backward over `rows` sequences of `length` tokens, a target each. Per forward
  /// product, backward has one for the input, and one for the weight where that trains (`full`);
  /// attention has two for each of its two. Recomputation is not counted: it is no must.
  Work training_step(double rows, double length, bool full) const;
};
ModelCost cost_of(const CausalLM& model);

/// What the machine reaches at most in the work at hand.
struct MachineRates {
  double memory_read = 0;  ///< bytes a second
  double products = 0;     ///< operations of all other products a second
  std::string product_type;
  double integer_products = 0;  ///< operations of 8-bit integers a second
  /// Of passages, attention too; 0: weights as integers, attention as all others.
  double passage_products = 0;
  double gradient_products = 0;  ///< of products that form gradients; 0: as all others
  std::string gradient_type{};
};

/// The larger of the two times that the machine needs at least: to read, and to compute.
struct Bound {
  double seconds = 0;
  /// "memory 20.5 GB/s", "f32 products 66 GFLOP/s", "integer products 460 GOP/s, f32 66 GFLOP/s":
  /// of the products each kind that takes a tenth of the time or more.
  std::string by;
};
Bound bound_of(const Work& work, const MachineRates& rates);

/// Rates of `device`: its memory read, products of the type that is in force where activations are
/// rounded so, of integers, and of passages.
MachineRates rates_of(const DeviceBench& device, Rounding rounding);

}  // namespace bantam
