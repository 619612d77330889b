#include "bantam/tensor/cpu/backend.h"

#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/softmax.h"

namespace bantam::cpu {

const Backend& backend() {
  static const Backend table{
      .gemm = gemm,
      .linear = linear,
      .add_linear = add_linear,
      .linear_input_gradient = linear_input_gradient,
      .linear_weight_gradient = linear_weight_gradient,
      .add_linear_weight_gradient = add_linear_weight_gradient,
      .rounds_for = multiplies_interleaved,
      .rounded_linears = rounded_linears,
      .rounded_linear_input_gradient = rounded_linear_input_gradient,
      .prepare_rounded = prepare_rounded,
      .read_rounded_rows = read_rounded_rows,
      .rms_norm = rms_norm,
      .rms_norm_backward = rms_norm_backward,
      .layer_norm = layer_norm,
      .layer_norm_backward = layer_norm_backward,
      .rope = rope,
      .attention = attention,
      .attention_backward = attention_backward,
      .paged_attention = paged_attention,
      .write_pages = write_pages,
      .decoder_step = decoder_step,
      .swiglu = swiglu,
      .swiglu_backward = swiglu_backward,
      .softmax = softmax,
      .softmax_backward = softmax_backward,
  };
  return table;
}

}  // namespace bantam::cpu
