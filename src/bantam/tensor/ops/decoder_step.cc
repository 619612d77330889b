#include "bantam/tensor/ops/decoder_step.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/paged_attention.h"
#include "bantam/tensor/ops/rms_norm.h"
#include "bantam/tensor/ops/rope.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/ops/swiglu.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

Tensor heads_of(Tensor x, const Tensor* bias, const Tensor* norm, const DecoderStep& step) {
  if (bias != nullptr) x = add(x, *bias);
  x = reshape(x, {x.size(0), x.size(1) / step.head_width(), step.head_width()});
  return norm == nullptr ? x : rms_norm(x, *norm, step.epsilon);
}

Tensor turned(const Tensor& heads, const DecoderStep& step) {
  return step.rope == nullptr ? heads : rope(heads, *step.rope, step.interleaved);
}

// What each branch adds to x. Functions of their own, so that memory of one is free for the other.
Tensor attention_branch(const Tensor& x, const DecoderStep& step) {
  const Tensor weights[] = {*step.query, *step.key, *step.value};
  const std::vector<Tensor> each =
      linear_each(rms_norm(x, *step.attention_norm, step.epsilon), weights);
  const Tensor query = turned(heads_of(each[0], step.query_bias, step.query_norm, step), step),
               key = turned(heads_of(each[1], step.key_bias, step.key_norm, step), step),
               value = heads_of(each[2], step.value_bias, nullptr, step);
  write_pages(*step.pages, step.rows, key, value);
  const Tensor mixed = paged_attention(query, *step.pages, *step.visibility, step.form);
  return linear(reshape(mixed, {x.size(0), step.query->size(0)}), *step.output);
}

Tensor feed_branch(const Tensor& x, const DecoderStep& step) {
  const Tensor weights[] = {*step.gate, *step.up};
  const std::vector<Tensor> inner =
      linear_each(rms_norm(x, *step.feed_forward_norm, step.epsilon), weights);
  return linear(swiglu(inner[0], inner[1]), *step.down);
}

bool is_plain(const Tensor& x) { return x.dtype() == DType::f32 && x.is_contiguous(); }
bool is_plain_or_null(const Tensor* x) { return x == nullptr || is_plain(*x); }

// Whether the ops would round x, and all else is as kernels take it.
bool has_kernel_form(const Tensor& x, const DecoderStep& step) {
  if (!is_plain(x) || x.rank() != 2 || will_back_propagate_to(x)) return false;
  const auto is_rounded = [&](const Tensor* weight) {
    return multiplies_rounded(x, *weight) && weight->is_contiguous();
  };
  return std::ranges::all_of(std::array{step.query, step.key, step.value, step.output, step.gate,
                                        step.up, step.down},
                             is_rounded) &&
         std::ranges::all_of(
             std::array{step.attention_norm, step.feed_forward_norm, step.query_bias, step.key_bias,
                        step.value_bias, step.query_norm, step.key_norm},
             is_plain_or_null) &&
         padded_head_width(step.head_width()) == step.head_width();
}

bool has_shape(const Tensor* x, const Shape& shape) { return x == nullptr || x->shape() == shape; }

bool sees_only_rows(const Visibility& visibility) {
  return std::ranges::all_of(visibility.ranges, [&](const KeyRange& range) {
    return 0 <= range.begin && range.begin <= range.end && range.end <= visibility.key_rows;
  });
}

// Shapes that fit each other; where they do not, the ops say which.
bool fits(const Tensor& x, const DecoderStep& step) {
  const std::int64_t width = x.size(1), head = step.head_width(), inner = step.gate->size(0),
                     of_queries = step.query->size(0), of_keys = step.key->size(0);
  return step.pages->size(4) == head && of_keys == step.kv_heads() * head &&
         of_queries % of_keys == 0 && std::ssize(step.rows) == x.size(0) &&
         step.visibility->queries() == x.size(0) &&
         step.visibility->key_rows <= step.pages->size(0) * kPageRows &&
         sees_only_rows(*step.visibility) && has_shape(step.attention_norm, {width}) &&
         has_shape(step.feed_forward_norm, {width}) && has_shape(step.query, {of_queries, width}) &&
         has_shape(step.key, {of_keys, width}) && has_shape(step.value, {of_keys, width}) &&
         has_shape(step.query_bias, {of_queries}) && has_shape(step.key_bias, {of_keys}) &&
         has_shape(step.value_bias, {of_keys}) && has_shape(step.query_norm, {head}) &&
         has_shape(step.key_norm, {head}) && has_shape(step.output, {width, of_queries}) &&
         has_shape(step.gate, {inner, width}) && has_shape(step.up, {inner, width}) &&
         has_shape(step.down, {width, inner}) &&
         (step.rope == nullptr ||
          (step.rope->cosine.size(0) == x.size(0) && 2 * step.rope->cosine.size(1) <= head));
}

}  // namespace

Tensor decoder_step_composed(const Tensor& x, const DecoderStep& step) {
  const Tensor y = add(x, attention_branch(x, step));
  return add(y, feed_branch(y, step));
}

Tensor decoder_step(const Tensor& x, const DecoderStep& step) {
  const auto kernel = backend(x).decoder_step;
  const bool takes = kernel != nullptr && has_kernel_form(x, step) && fits(x, step);
  return takes ? kernel(x, step) : decoder_step_composed(x, step);
}

}  // namespace bantam
