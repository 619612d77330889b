#include "bantam/tensor/ops/swiglu.h"

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {

Tensor swiglu_composed(const Tensor& gate, const Tensor& up) { return multiply(silu(gate), up); }

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  if (!(gate.shape() == up.shape()) || gate.dtype() != up.dtype()) {
    throw input_error("swiglu: gate is {} {} but up is {} {}", gate.shape().text(),
                      info(gate.dtype()).name, up.shape().text(), info(up.dtype()).name);
  }
  const Tensor g = contiguous(gate), u = contiguous(up);
  if (backend(g).swiglu == nullptr) return swiglu_composed(g, u);
  return record("swiglu", {g, u}, backend(g).swiglu(g, u),
                [g = g.stop_gradient(), u = u.stop_gradient()](const Tensor& dy) {
                  Tensor d_gate = Tensor::empty(g.shape()), d_up = Tensor::empty(u.shape());
                  backend(g).swiglu_backward(contiguous(dy), g, u, d_gate, d_up);
                  return Gradients{d_gate, d_up};
                });
}

}  // namespace bantam
