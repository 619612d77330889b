#include "bantam/tensor/cpu/step_heads.h"

#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/ops/rope.h"

namespace bantam::cpu {
namespace {

void add_bias(const Tensor* bias, float* row) {
  if (bias != nullptr) add_row(row, bias->data<float>(), bias->count(), row);
}

void normalize_and_turn(const DecoderStep& step, const Tensor* norm, std::int64_t token,
                        std::int64_t width, float* row) {
  const std::int64_t of_head = step.head_width();
  for (float* head = row; norm != nullptr && head < row + width; head += of_head) {
    normalize_row(head, norm->data<float>(), of_head, step.epsilon, head);
  }
  if (step.rope == nullptr) return;
  const Tensor &cosine = step.rope->cosine, &sine = step.rope->sine;
  const std::int64_t pairs = cosine.size(1);
  turn_heads(row, width / of_head, of_head,
             {cosine.data<float>() + token * pairs, sine.data<float>() + token * pairs, pairs,
              step.interleaved},
             row);
}

}  // namespace

void finish_heads(const DecoderStep& step, const StepHeads& heads, std::int64_t first,
                  std::int64_t last) {
  const std::int64_t of_queries = step.query->size(0), of_keys = step.key->size(0);
  for (std::int64_t token = first; token < last; ++token) {
    float *const query = heads.queries + token * of_queries, *const key =
                                                                 heads.keys + token * of_keys;
    add_bias(step.query_bias, query), add_bias(step.key_bias, key);
    add_bias(step.value_bias, heads.values + token * of_keys);
    normalize_and_turn(step, step.query_norm, token, of_queries, query);
    normalize_and_turn(step, step.key_norm, token, of_keys, key);
  }
  store_tokens({heads.keys, heads.values, step.head_width()}, step.rows, first, last, *step.pages);
}

}  // namespace bantam::cpu
