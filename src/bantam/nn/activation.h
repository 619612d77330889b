// The nonlinear function between two linears of a feed-forward layer.
#pragma once

#include <optional>
#include <string_view>

#include "bantam/tensor/tensor.h"

namespace bantam {

enum class Activation { silu, gelu, gelu_tanh, relu, relu_squared, tanh };

Tensor activate(Activation activation, const Tensor& x);

/// transformers' name ("silu", "gelu", "gelu_pytorch_tanh", "relu", "relu2"); of several the first
/// one.
std::string_view activation_name(Activation activation);
/// By any of transformers' names for it ("gelu_new" is gelu_tanh); nothing for an unknown one.
std::optional<Activation> activation_named(std::string_view name);

}  // namespace bantam
