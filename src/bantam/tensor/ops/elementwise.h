// Elementwise ops with NumPy's broadcasting (axes aligned at the back, extent 1 stretches). f32 and
// f64; both operands of a binary op have the same type. Shape errors name the op and both shapes.
#pragma once

#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
Tensor scale(const Tensor& x, double factor);
Tensor add_scalar(const Tensor& x, double value);
Tensor negate(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor reciprocal_sqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor silu(const Tensor& x);  ///< x * sigmoid(x)
/// x Φ(x) with the normal distribution function Φ (arXiv:1606.08415), and its approximation by tanh
/// (section 2 there), which most models mean by gelu_new or gelu_pytorch_tanh.
Tensor gelu(const Tensor& x);
Tensor gelu_tanh(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor tanh(const Tensor& x);

/// The scores of a form, from products.
Tensor form_scores(const Tensor& products, ScoreForm form);

/// total += part, of one shape and type, in the memory of `total`, which nobody else may hold. Not
/// recorded.
void add_to(Tensor& total, const Tensor& part);
/// x *= factor, likewise.
void scale_by(Tensor& x, double factor);

/// Shape that `a` and `b` broadcast to. Throws Error(input) naming `op` and both shapes.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b);

}  // namespace bantam
