#include "bantam/tensor/ops/linear.h"

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

thread_local bool rounds_activations = false;

void check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.rank() < 1 || weight.rank() != 2) {
    throw input_error("linear: expected x [.., K] and w [N, K], found x {} and w {}",
                      x.shape().text(), weight.shape().text());
  }
  if (x.size(-1) != weight.size(1)) {
    throw input_error("linear: x has {} features but w expects {} (x {}, w {} {})", x.size(-1),
                      weight.size(1), x.shape().text(), weight.shape().text(),
                      info(weight.dtype()).name);
  }
  if (bias.defined() && !(bias.shape() == Shape{weight.size(0)})) {
    throw input_error("linear: w {} gives {} features but the bias is {}", weight.shape().text(),
                      weight.size(0), bias.shape().text());
  }
  const bool fits =
      x.dtype() == DType::f64 || (x.dtype() == DType::f32 && weight.dtype() != DType::f64);
  if (!fits || weight.dtype() == DType::i32) {
    throw internal_error("linear: x {} is {} and w {} is {}; x must be f32, or f64 over any weight",
                         x.shape().text(), info(x.dtype()).name, weight.shape().text(),
                         info(weight.dtype()).name);
  }
  if (will_back_propagate_to(weight) && weight.dtype() != x.dtype()) {
    throw internal_error(
        "linear: w {} {} wants a gradient, which needs the type of x ({}); cast it, or pass "
        "stop_gradient() of it",
        weight.shape().text(), info(weight.dtype()).name, info(x.dtype()).name);
  }
}

Tensor as_matrix(const Tensor& x, std::int64_t features) {
  const std::int64_t rows = features == 0 ? 0 : x.count() / features;
  return x.window({rows, features}, std::vector<std::int64_t>{features, 1}, 0);
}

Tensor shaped(const Tensor& matrix, Shape shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 1);
  for (int axis = shape.rank() - 2; axis >= 0; --axis) {
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  }
  return matrix.window(shape, strides, 0);
}

bool can_round(const Backend& kernels, DType weight) {
  return matmul_precision_is_automatic() && kernels.rounds_for != nullptr &&
         kernels.rounds_for(weight);
}

bool rounds(const Tensor& x, const Tensor& w) {
  return rounds_activations && x.dtype() == DType::f32 && can_round(backend(x), w.dtype());
}

// [T, K] x [N, K] -> [T, N]
Tensor forward(const Tensor& x, const Tensor& w) {
  return rounds(x, w) ? backend(x).rounded_linears(x, {&w, 1}).front() : backend(x).linear(x, w);
}

Tensor product(const Tensor& x, const Tensor& w) {
  const std::int64_t features = w.size(1), outputs = w.size(0);
  Shape shape = x.shape();
  shape.set(-1, outputs);
  const Tensor rows = as_matrix(x, features);
  const bool to_weight = will_back_propagate_to(w);
  const Tensor y = shaped(forward(rows, w), shape);

  const Shape x_shape = will_back_propagate_to(x) ? x.shape() : Shape();
  const bool to_x = will_back_propagate_to(x);
  return record("linear", {x, w}, y,
                [rows = to_weight ? rows : Tensor(), w = to_x ? w.stop_gradient() : Tensor(),
                 x_shape, outputs](const Tensor& dy) {
                  const Tensor dense = as_matrix(contiguous(dy), outputs);
                  const Backend& kernels = backend(dense);
                  Gradients gradients(2);
                  if (w.defined()) {
                    gradients[0] = shaped(kernels.linear_input_gradient(dense, w), x_shape);
                  }
                  if (rows.defined()) gradients[1] = kernels.gemm(dense, true, rows, false);
                  return gradients;
                });
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(x, weight, bias);
  const Tensor y = product(contiguous(x), contiguous(weight));
  return bias.defined() ? add(y, bias) : y;
}

std::vector<Tensor> linear_each(const Tensor& x, std::span<const Tensor> weights) {
  const Tensor dense = contiguous(x);
  bool together = Tape::current() == nullptr;
  for (const Tensor& w : weights) {
    check(x, w, {});
    together &= rounds(x, w);
  }
  std::vector<Tensor> ys;
  if (!together) {
    for (const Tensor& w : weights) ys.push_back(product(dense, contiguous(w)));
    return ys;
  }
  ys = backend(x).rounded_linears(as_matrix(dense, x.size(-1)), weights);
  for (Tensor& y : ys) {
    Shape shape = x.shape();
    shape.set(-1, y.size(1));
    y = shaped(y, shape);
  }
  return ys;
}

RoundActivations::RoundActivations() : previous_(rounds_activations) { rounds_activations = true; }
RoundActivations::~RoundActivations() { rounds_activations = previous_; }

bool rounds_in_answers(DType weight) { return can_round(backend(Tensor()), weight); }

}  // namespace bantam
