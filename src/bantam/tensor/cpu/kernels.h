// The kernels that fill the CPU's table (backend.cc), by file (softmax.h declares softmax).
// Contracts stand in backend.h.
#pragma once

#include "bantam/tensor/backend.h"

namespace bantam::cpu {

// gemm.cc
Tensor gemm(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b);
Tensor linear_weight_gradient(const Tensor& dy, const Tensor& x);
void add_linear_weight_gradient(const Tensor& dy, const Tensor& x, Tensor& sum);

// linear.cc
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);
void add_linear(const Tensor& x, const Tensor& weight, Tensor& y);
Tensor linear_input_gradient(const Tensor& dy, const Tensor& weight);
std::vector<Tensor> rounded_linears(const Tensor& x, std::span<const Tensor> weights,
                                    Rounding rounding);
Tensor rounded_linear_input_gradient(const Tensor& dy, const Tensor& weight);
void prepare_rounded(std::span<const Tensor> weights);
bool read_rounded_rows(const Tensor& weight, std::span<const std::int32_t> rows, float* out);

// rms_norm.cc
Tensor rms_norm(const Tensor& x, const Tensor& weight, float epsilon);
Tensor rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight, float epsilon,
                         Tensor* dweight);

// layer_norm.cc
LayerNormResult layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                           float epsilon);
Tensor layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                           const LayerNormResult& forward, Tensor* dweight, Tensor* dbias);

// rope.cc
Tensor rope(const Tensor& x, const RopeTable& table, bool interleaved, int direction);

// attention.cc
AttentionResult attention(const Tensor& q, const Tensor& k, const Tensor& v,
                          const Visibility& visibility, ScoreForm form, const RelativeBias& bias);
AttentionGradients attention_backward(const Tensor& d_output, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const AttentionResult& forward,
                                      const Visibility& visibility, ScoreForm form,
                                      const RelativeBias& bias);

// paged_attention.cc
Tensor paged_attention(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                       ScoreForm form, const RelativeBias& bias);
void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values);

// decoder_step.cc
Tensor decoder_step(const Tensor& x, const DecoderStep& step);

// swiglu.cc
Tensor swiglu(const Tensor& gate, const Tensor& up);
void swiglu_backward(const Tensor& dy, const Tensor& gate, const Tensor& up, Tensor& d_gate,
                     Tensor& d_up);

}  // namespace bantam::cpu
