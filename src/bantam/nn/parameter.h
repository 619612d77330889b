// Named weights, and the selector language that says which of them train ("all", "norms+biases",
// "layers:0-1,-2-").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {

enum class ParameterRole { embedding, norm, linear, bias, head, adapter };

struct Parameter {
  std::string name;          ///< "layers.3.attn.q.weight"; adapters: "layers.3.attn.q.lora_a"
  Tensor* tensor = nullptr;  ///< lives in the model
  ParameterRole role = ParameterRole::linear;
  int layer = -1;  ///< -1: outside the layers
};

/// A choice of parameters. Order is the model's, so that optimizer state and checkpoints can go by
/// position and name.
class ParameterSet {
 public:
  /// Selectors joined by "+": all, embeddings, head, norms, biases, linears, adapters, layers:LIST,
  /// where LIST is comma-separated "3", "0-1" or "-2-" (the last two of `layers`). Throws
  /// Error(usage) naming the selector and the known ones, or when nothing is selected.
  static ParameterSet select(std::vector<Parameter> parameters, std::string_view selector,
                             int layers);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::int64_t element_count() const;
  /// Makes every selected tensor a leaf of the tape: f32 already, or decoded to f32 first.
  /// Idempotent.
  void make_trainable();

 private:
  std::vector<Parameter> parameters_;
};

}  // namespace bantam
