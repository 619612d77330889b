#include "bantam/nn/activation.h"

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

struct Name {
  std::string_view text;
  Activation activation;
};
constexpr Name kNames[] = {
    {"silu", Activation::silu},          {"swish", Activation::silu},
    {"gelu", Activation::gelu},          {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_new", Activation::gelu_tanh}, {"gelu_fast", Activation::gelu_tanh},
    {"relu", Activation::relu},          {"relu2", Activation::relu_squared},
    {"tanh", Activation::tanh},
};

}  // namespace

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::silu:
      return silu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::relu:
      return relu(x);
    case Activation::relu_squared:
      return square(relu(x));
    case Activation::tanh:
      return tanh(x);
  }
  throw internal_error("activation {}", static_cast<int>(activation));
}

std::string_view activation_name(Activation activation) {
  for (const Name& name : kNames) {
    if (name.activation == activation) return name.text;
  }
  throw internal_error("activation {}", static_cast<int>(activation));
}

std::optional<Activation> activation_named(std::string_view text) {
  for (const Name& name : kNames) {
    if (name.text == text) return name.activation;
  }
  return std::nullopt;
}

}  // namespace bantam
