// What a device implements. Required entries are the primitives; an optional entry that is empty
// means "compose it from the primitives", and that composition is also the oracle of the entry's
// tests and of the gradient check in f64.
//
// Every function takes contiguous tensors of matching types and has been checked by the op that
// calls it; nothing here touches the tape.
#pragma once

#include "bantam/tensor/relative_bias.h"
#include "bantam/tensor/rounding.h"
#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"
#include "bantam/tensor/visibility.h"

namespace bantam {

struct LayerNormResult {
  Tensor output, mean, inverse_deviation;
};  ///< [.., D], [..] f32, [..] f32
struct AttentionResult {
  Tensor output, log_sum_exp;
};  ///< [T, H, E], [T, H] f32
struct AttentionGradients {
  Tensor query, key, value;
  Tensor by_query, by_key;  ///< of the bias; undefined where it has no such side
};
struct RopeTable {
  Tensor cosine, sine;
};  ///< [T, E/2] f32
struct LossResult {
  Tensor loss_sum;
  Tensor hidden_gradient, weight_gradient;
};

struct DecoderStep;

struct Backend {
  // a [m, k] or transposed, b [k, n] or transposed -> [m, n]; f32 (formed as
  // matmul_precision() says) or f64.
  Tensor (*gemm)(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) = nullptr;
  // x [T, K], weight [N, K] of any type, bias [N] f32 (with x f32) or undefined -> [T, N]; the
  // heart of decoding and of training over quantized weights.
  Tensor (*linear)(const Tensor& x, const Tensor& weight, const Tensor& bias) = nullptr;
  // The same for a weight of f32, added to y in its memory.
  void (*add_linear)(const Tensor& x, const Tensor& weight, Tensor& y) = nullptr;
  Tensor (*linear_input_gradient)(const Tensor& dy,
                                  const Tensor& weight) = nullptr;  // [T, N] -> [T, K]
  // dy [T, N], x [T, K] -> dyᵀ x [N, K], formed as gradient_precision() says like the gradient
  // above; or added to `sum` in its memory.
  Tensor (*linear_weight_gradient)(const Tensor& dy, const Tensor& x) = nullptr;
  void (*add_linear_weight_gradient)(const Tensor& dy, const Tensor& x, Tensor& sum) = nullptr;

  // Optional, all or none: products of one x with several weights, rounded for rows or passages,
  // for the types of weight that rounds_for() names. A row of a result has the same bits however
  // many rows there are. The gradient is linear_input_gradient's, bit for bit, but reads the weight
  // in the form that rounded_linears() keeps of it.
  bool (*rounds_for)(DType weight) = nullptr;
  std::vector<Tensor> (*rounded_linears)(const Tensor& x, std::span<const Tensor> weights,
                                         Rounding rounding) = nullptr;
  Tensor (*rounded_linear_input_gradient)(const Tensor& dy, const Tensor& weight) = nullptr;
  // Makes the form that rounded_linears() keeps of each weight ahead of the first product.
  void (*prepare_rounded)(std::span<const Tensor> weights) = nullptr;
  // Rows of a weight as f32, read from that form: out [rows.size(), K], the values of decoding
  // them. False, and nothing written, where there is no such form of it.
  bool (*read_rounded_rows)(const Tensor& weight, std::span<const std::int32_t> rows,
                            float* out) = nullptr;

  // Optional, f32 only: empty means composed.
  Tensor (*rms_norm)(const Tensor& x, const Tensor& weight, float epsilon) = nullptr;
  /// Returns dx, and adds to dweight (f32 [D]) when it is defined.
  Tensor (*rms_norm_backward)(const Tensor& dy, const Tensor& x, const Tensor& weight,
                              float epsilon, Tensor* dweight) = nullptr;
  /// `bias` may be undefined.
  LayerNormResult (*layer_norm)(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                float epsilon) = nullptr;
  /// Returns dx, and adds to dweight and dbias (f32 [D]) where they are defined.
  Tensor (*layer_norm_backward)(const Tensor& dy, const Tensor& x, const Tensor& weight,
                                const LayerNormResult& forward, Tensor* dweight,
                                Tensor* dbias) = nullptr;
  /// Rotates (direction +1) or rotates back (-1) the first 2 * cosine.size(1) features of each head
  /// of x [T, H, E].
  Tensor (*rope)(const Tensor& x, const RopeTable& table, bool interleaved,
                 int direction) = nullptr;
  AttentionResult (*attention)(const Tensor& q, const Tensor& k, const Tensor& v,
                               const Visibility& visibility, ScoreForm form,
                               const RelativeBias& bias) = nullptr;
  AttentionGradients (*attention_backward)(const Tensor& d_output, const Tensor& q, const Tensor& k,
                                           const Tensor& v, const AttentionResult& forward,
                                           const Visibility& visibility, ScoreForm form,
                                           const RelativeBias& bias) = nullptr;
  /// Over pages (ops/paged_attention.h), and what fills them.
  Tensor (*paged_attention)(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                            ScoreForm form, const RelativeBias& bias) = nullptr;
  void (*write_pages)(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                      const Tensor& values) = nullptr;
  /// Where linear() would round x; the step has been checked.
  Tensor (*decoder_step)(const Tensor& x, const DecoderStep& step) = nullptr;
  Tensor (*swiglu)(const Tensor& gate, const Tensor& up) = nullptr;
  void (*swiglu_backward)(const Tensor& dy, const Tensor& gate, const Tensor& up, Tensor& d_gate,
                          Tensor& d_up) = nullptr;
  Tensor (*softmax)(const Tensor& x) = nullptr;
  Tensor (*softmax_backward)(const Tensor& y, const Tensor& dy) = nullptr;
};

/// The backend of the device that holds `x`. One today: tensor/cpu/backend.cc.
const Backend& backend(const Tensor& x);

/// While alive, optional entries count as empty on this thread: tests compare composition with
/// kernel through this.
class ComposeOnly {
 public:
  ComposeOnly();
  ~ComposeOnly();
  ComposeOnly(const ComposeOnly&) = delete;
  ComposeOnly& operator=(const ComposeOnly&) = delete;

 private:
  bool previous_;
};

}  // namespace bantam
