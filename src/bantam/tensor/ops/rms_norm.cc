#include "bantam/tensor/ops/rms_norm.h"

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/reduce.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {

Tensor rms_norm_composed(const Tensor& x, const Tensor& weight, float epsilon) {
  const Tensor mean_square = mean(square(x), x.rank() - 1, true);
  return multiply(multiply(x, reciprocal_sqrt(add_scalar(mean_square, epsilon))), weight);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, float epsilon) {
  if (x.rank() < 1 || weight.rank() != 1 || x.size(-1) != weight.size(0) ||
      x.dtype() != weight.dtype()) {
    throw input_error(
        "rms_norm: expected x [.., D] and a weight [D] of one type, found {} {} and {} {}",
        x.shape().text(), info(x.dtype()).name, weight.shape().text(), info(weight.dtype()).name);
  }
  const Tensor input = contiguous(x), w = contiguous(weight);
  if (backend(input).rms_norm == nullptr) return rms_norm_composed(input, w, epsilon);
  const Tensor y = backend(input).rms_norm(input, w, epsilon);
  const bool to_weight = will_back_propagate_to(w);
  return record(
      "rms_norm", {input, w}, y,
      [input = input.stop_gradient(), w = w.stop_gradient(), epsilon, to_weight](const Tensor& dy) {
        Tensor dweight = to_weight ? Tensor::zeros(w.shape()) : Tensor();
        const Tensor dx =
            backend(input).rms_norm_backward(contiguous(dy), input, w, epsilon, &dweight);
        return Gradients{dx, dweight};
      });
}

}  // namespace bantam
