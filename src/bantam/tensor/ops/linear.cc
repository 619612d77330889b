#include "bantam/tensor/ops/linear.h"

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

thread_local Rounding rounding = Rounding::none;

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
  if (!fits || info(weight.dtype()).is_integer()) {
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
  const std::int64_t strides[] = {features, 1};
  return x.window({rows, features}, strides, 0);
}

Tensor shaped(const Tensor& matrix, const Shape& shape) {
  return matrix.window(shape, dense_strides(shape), 0);
}

bool can_round(const Backend& kernels, DType weight) {
  return matmul_precision_is_automatic() && kernels.rounds_for != nullptr &&
         kernels.rounds_for(weight);
}

// [T, K] x [N, K] -> [T, N], plus the bias if defined.
Tensor product(const Tensor& x, const Tensor& w, const Tensor& bias) {
  return multiplies_rounded(x, w) ? backend(x).rounded_linears(x, {&w, 1}, rounding).front()
                                  : backend(x).linear(x, w, bias);
}

// Whether the product may begin with the bias, which saves a pass over the output: where no
// gradient goes to it.
bool begins_with_bias(const Tensor& x, const Tensor& w, const Tensor& bias) {
  return bias.defined() && bias.dtype() == DType::f32 && x.dtype() == DType::f32 &&
         !will_back_propagate_to(bias) && !multiplies_rounded(x, w);
}

// The gradients of a product of x [.., K] and w: of x, and of w. Rounding of x counts as no change:
// its derivative is zero almost everywhere and would train nothing (straight-through,
// arXiv:1308.3432).
Backward backward_of(const Tensor& x, const Tensor& w) {
  const bool to_x = will_back_propagate_to(x);
  return [rows = will_back_propagate_to(w) ? as_matrix(x, w.size(1)) : Tensor(),
          w = to_x ? w.stop_gradient() : Tensor(), x_shape = to_x ? x.shape() : Shape(),
          outputs = w.size(0), rounded = multiplies_rounded(x, w)](const Tensor& dy) {
    const Tensor dense = as_matrix(contiguous(dy), outputs);
    Gradients gradients(2);
    if (w.defined()) gradients[0] = shaped(linear_input_gradient(dense, w, rounded), x_shape);
    if (rows.defined()) gradients[1] = backend(dense).linear_weight_gradient(dense, rows);
    return gradients;
  };
}

// y [T, N] as the product of x [.., K] and w, in the shape [.., N].
Tensor recorded(const Tensor& x, const Tensor& w, const Tensor& y) {
  Shape shape = x.shape();
  shape.set(-1, w.size(0));
  const Tensor out = shaped(y, shape);
  // What backward_of() keeps takes memory: not for each product of an answer.
  if (!will_back_propagate_to(x) && !will_back_propagate_to(w)) return out.stop_gradient();
  return record("linear", {x, w}, out, backward_of(x, w));
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(x, weight, bias);
  const Tensor dense = contiguous(x), w = contiguous(weight);
  const bool begin_with_bias = begins_with_bias(dense, w, bias);
  const Tensor first = begin_with_bias ? contiguous(bias) : Tensor();
  const Tensor y = recorded(dense, w, product(as_matrix(dense, w.size(1)), w, first));
  return bias.defined() && !begin_with_bias ? add(y, bias) : y;
}

Tensor add_linear(Tensor y, const Tensor& x, const Tensor& weight) {
  check(x, weight, {});
  Shape shape = x.shape();
  shape.set(-1, weight.size(0));
  if (!(y.shape() == shape)) {
    throw input_error("add_linear: x {} and w {} give {}, but it is added to {}", x.shape().text(),
                      weight.shape().text(), shape.text(), y.shape().text());
  }
  const bool takes_memory = y.is_sole_owner() && y.is_contiguous() && y.dtype() == DType::f32 &&
                            x.dtype() == DType::f32 && weight.dtype() == DType::f32 &&
                            !multiplies_rounded(x, weight);
  if (!takes_memory) return add(y, linear(x, weight));
  const Tensor dense = contiguous(x), w = contiguous(weight);
  Tensor sum = as_matrix(y, w.size(0));
  backend(x).add_linear(as_matrix(dense, w.size(1)), w, sum);
  return record("add_linear", {y, dense, w}, y,
                [of_product = backward_of(dense, w)](const Tensor& dy) {
                  Gradients gradients = of_product(dy);
                  gradients.insert(gradients.begin(), dy);
                  return gradients;
                });
}

std::vector<Tensor> linear_each(const Tensor& x, std::span<const Tensor> weights) {
  bool together = true;
  for (const Tensor& w : weights) {
    check(x, w, {});
    together &= multiplies_rounded(x, w);
  }
  std::vector<Tensor> ys;
  if (!together) {
    for (const Tensor& w : weights) ys.push_back(linear(x, w));
    return ys;
  }
  const Tensor dense = contiguous(x);
  ys = backend(x).rounded_linears(as_matrix(dense, x.size(-1)), weights, rounding);
  for (std::size_t i = 0; i < ys.size(); ++i) ys[i] = recorded(dense, weights[i], ys[i]);
  return ys;
}

bool multiplies_rounded(const Tensor& x, const Tensor& weight) {
  return rounding != Rounding::none && x.dtype() == DType::f32 &&
         can_round(backend(x), weight.dtype());
}

Tensor linear_input_gradient(const Tensor& dy, const Tensor& weight, bool rounded) {
  const Backend& kernels = backend(dy);
  return rounded ? kernels.rounded_linear_input_gradient(dy, weight)
                 : kernels.linear_input_gradient(dy, weight);
}

RoundActivations::RoundActivations(Rounding chosen) : previous_(rounding) { rounding = chosen; }
RoundActivations::~RoundActivations() { rounding = previous_; }
Rounding RoundActivations::in_force() { return rounding; }

bool rounds_in_answers(DType weight) { return can_round(backend(Tensor()), weight); }

void prepare_answers(std::span<const Tensor> weights) {
  std::vector<Tensor> rounded;
  for (const Tensor& weight : weights) {
    if (rounds_in_answers(weight.dtype())) rounded.push_back(contiguous(weight));
  }
  if (!rounded.empty()) backend(Tensor()).prepare_rounded(rounded);
}

}  // namespace bantam
