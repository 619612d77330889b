#include "bantam/tensor/backend.h"

#include "bantam/tensor/cpu/backend.h"

namespace bantam {
namespace {

thread_local bool compose_only = false;

Backend required_entries(const Backend& full) {
  Backend reduced;
  reduced.gemm = full.gemm;
  reduced.linear_weight_gradient = full.linear_weight_gradient;
  reduced.add_linear_weight_gradient = full.add_linear_weight_gradient;
  reduced.linear = full.linear;
  reduced.add_linear = full.add_linear;
  reduced.linear_input_gradient = full.linear_input_gradient;
  return reduced;
}

}  // namespace

ComposeOnly::ComposeOnly() : previous_(compose_only) { compose_only = true; }
ComposeOnly::~ComposeOnly() { compose_only = previous_; }

const Backend& backend(const Tensor& x) {
  static const Backend composing = required_entries(cpu::backend());
  // The optional kernels exist in f32 only; other types are composed.
  return compose_only || x.dtype() != DType::f32 ? composing : cpu::backend();
}

}  // namespace bantam
