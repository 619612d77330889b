// Adapters: small trainable deltas on linears, several at once, each with a gate. LoRA
// (arXiv:2106.09685) here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bantam/nn/parameter.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

struct LoraOptions {
  int rank = 8;
  double alpha = 16;  ///< the delta is scaled by alpha / rank
  std::vector<std::string> targets = {
      "all-linear"};  ///< sites' last names ("q", "down"), HF names, or all-linear
};

/// One linear's delta: y += gate * scale * (x Aᵀ) Bᵀ.  A [r, K], B [N, r], f32.
struct LoraDelta {
  Tensor a, b;
  double scale = 1;
};

/// How strongly an adapter acts: one number for all tokens, or one for each token of the coming
/// forward call.
struct Gate {
  double value = 1;
  Tensor per_token;  ///< [T, 1] f32 or undefined; multiplies `value`
  bool closed() const { return value == 0 && !per_token.defined(); }
};

/// A named set of deltas, keyed by the site of the linear they belong to ("layers.3.attn.q").
struct Adapter {
  std::string name;
  LoraOptions options;
  Gate gate;
  std::map<std::string, LoraDelta> deltas;
  std::string base_sha256;  ///< of the weight file it was trained on; "" if unknown

  /// A uniform in ±1/√K (Kaiming with a = √5, as PEFT), B zero: the delta starts at nothing. Each
  /// linear draws from a stream named by its site, so that adding a target never changes another's
  /// start.
  void add_delta(const std::string& site, std::int64_t inputs, std::int64_t outputs,
                 std::uint64_t seed);
  std::vector<Parameter> parameters();
};

/// A linear's output y with what an adapter adds to it; y itself when the gate is closed. Takes the
/// memory of y where the caller gives up the only handle on it.
Tensor with_lora(const LoraDelta& delta, const Gate& gate, const Tensor& x, Tensor y);
/// scale * B A, [N, K] f32: what merging adds to the weight.
Tensor lora_weight(const LoraDelta& delta);

}  // namespace bantam
