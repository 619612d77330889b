#include "bantam/tensor/ops/layer_norm.h"

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/reduce.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

void check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const bool fits = x.rank() >= 1 && weight.rank() == 1 && x.size(-1) == weight.size(0) &&
                    x.dtype() == weight.dtype();
  if (!fits ||
      (bias.defined() && (!(bias.shape() == weight.shape()) || bias.dtype() != x.dtype()))) {
    throw input_error(
        "layer_norm: expected x [.., D], a weight [D] and a bias [D] or none, all of one type; "
        "found {} "
        "{}, {} {} and {}",
        x.shape().text(), info(x.dtype()).name, weight.shape().text(), info(weight.dtype()).name,
        bias.defined() ? bias.shape().text() : "none");
  }
}

}  // namespace

Tensor layer_norm_composed(const Tensor& x, const Tensor& weight, const Tensor& bias,
                           float epsilon) {
  const int last = x.rank() - 1;
  const Tensor centered = subtract(x, mean(x, last, true));
  const Tensor variance = mean(square(centered), last, true);
  const Tensor normal = multiply(centered, reciprocal_sqrt(add_scalar(variance, epsilon)));
  const Tensor y = multiply(normal, weight);
  return bias.defined() ? add(y, bias) : y;
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float epsilon) {
  check(x, weight, bias);
  const Tensor input = contiguous(x), w = contiguous(weight);
  const Tensor b = bias.defined() ? contiguous(bias) : Tensor();
  if (backend(input).layer_norm == nullptr) return layer_norm_composed(input, w, b, epsilon);
  const LayerNormResult forward = backend(input).layer_norm(input, w, b, epsilon);
  const bool to_weight = will_back_propagate_to(w);
  const bool to_bias = b.defined() && will_back_propagate_to(b);
  const auto backward = [input = input.stop_gradient(), w = w.stop_gradient(), forward, to_weight,
                         to_bias, has_bias = b.defined()](const Tensor& dy) {
    Tensor dweight = to_weight ? Tensor::zeros(w.shape()) : Tensor();
    Tensor dbias = to_bias ? Tensor::zeros(w.shape()) : Tensor();
    const Tensor dx =
        backend(input).layer_norm_backward(contiguous(dy), input, w, forward, &dweight, &dbias);
    return has_bias ? Gradients{dx, dweight, dbias} : Gradients{dx, dweight};
  };
  return b.defined() ? record("layer_norm", {input, w, b}, forward.output, backward)
                     : record("layer_norm", {input, w}, forward.output, backward);
}

}  // namespace bantam
