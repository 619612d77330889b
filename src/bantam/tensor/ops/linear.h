// y = x Wᵀ + b for a weight of any type. Over a quantized weight the gradient goes to x only; that
// is all that training an adapter over a quantized model needs.
#pragma once

#include <span>
#include <vector>

#include "bantam/tensor/rounding.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [.., K], weight [N, K], bias [N] or undefined -> [.., N]. A weight that wants a gradient must
/// be f32 or f64. Throws Error(input) "linear: x has 576 features but w expects 960 (x [4, 128,
/// 576], w [2304, 960] q4_0)".
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// y [.., N] + x Wᵀ. Takes the memory of y where the caller gives up the only handle on it, which
/// saves a pass over y: `y = add_linear(std::move(y), x, weight)`. Throws Error(input) naming the
/// shapes unless y has that of the product.
Tensor add_linear(Tensor y, const Tensor& x, const Tensor& weight);

/// linear() of one x with several weights: fewer passes over x and one start of the threads where
/// activations are rounded, else the same as one after the other.
std::vector<Tensor> linear_each(const Tensor& x, std::span<const Tensor> weights);

/// True when linear(x, weight) would round x now; see RoundActivations.
bool multiplies_rounded(const Tensor& x, const Tensor& weight);

/// dy [T, N] of linear(x, weight) -> dx [T, K]. `rounded`: whether that product rounded x. Not
/// recorded.
Tensor linear_input_gradient(const Tensor& dy, const Tensor& weight, bool rounded);

/// While alive, and while matmul_precision is automatic, linear() on this thread rounds so.
/// Gradients are those of the product without rounding. All other large products, of gradients too,
/// are formed as MatmulPrecision says.
class RoundActivations {
 public:
  explicit RoundActivations(Rounding rounding = Rounding::rows);
  ~RoundActivations();
  RoundActivations(const RoundActivations&) = delete;
  RoundActivations& operator=(const RoundActivations&) = delete;
  static Rounding in_force();

 private:
  Rounding previous_;
};
/// True when products with weights of this type are rounded so, were RoundActivations alive.
bool rounds_in_answers(DType weight);
/// Arranges those of the weights that are multiplied so, several at once. Without it the first
/// answer arranges each when it comes to it.
void prepare_answers(std::span<const Tensor> weights);

}  // namespace bantam
