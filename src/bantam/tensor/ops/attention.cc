#include "bantam/tensor/ops/attention.h"

#include <limits>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/ops/softmax.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

void check(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility) {
  const bool ranks = q.rank() == 3 && k.rank() == 3 && v.rank() == 3;
  if (!ranks || !(k.shape() == v.shape()) || q.size(2) != k.size(2) || k.size(1) < 1 ||
      q.size(1) % k.size(1) != 0 || q.dtype() != k.dtype() || q.dtype() != v.dtype()) {
    throw input_error(
        "attention: expected q [T, H, E], k and v [S, G, E] of one type with H a multiple of G, "
        "found q {} {}, k {} {}, v {} {}",
        q.shape().text(), info(q.dtype()).name, k.shape().text(), info(k.dtype()).name,
        v.shape().text(), info(v.dtype()).name);
  }
  if (visibility.queries() != q.size(0) || visibility.key_rows != k.size(0)) {
    throw input_error("attention: the plan is for {} queries and {} key rows, found q {} and k {}",
                      visibility.queries(), visibility.key_rows, q.shape().text(),
                      k.shape().text());
  }
  for (const KeyRange& range : visibility.ranges) {
    if (range.begin < 0 || range.begin > range.end || range.end > visibility.key_rows) {
      throw input_error("attention: the plan's range {} … {} is outside its {} key rows",
                        range.begin, range.end, visibility.key_rows);
    }
  }
}

// 0 where query t sees key s, -inf elsewhere.
Tensor mask_of(const Visibility& visibility, DType dtype) {
  const std::int64_t queries = visibility.queries(), keys = visibility.key_rows;
  std::vector<double> mask(static_cast<std::size_t>(queries * keys),
                           -std::numeric_limits<double>::infinity());
  for (std::int64_t t = 0; t < queries; ++t) {
    for (std::int32_t r = visibility.first[t]; r < visibility.first[t + 1]; ++r) {
      const KeyRange range = visibility.ranges[r];
      std::fill(mask.begin() + t * keys + range.begin, mask.begin() + t * keys + range.end, 0.0);
    }
  }
  return cast(Tensor::from(std::span<const double>(mask), {queries, keys}), dtype);
}

// [S, G, E] -> [H, S, E]: each key head repeated for the query heads that read it.
Tensor repeated_heads(const Tensor& x, std::int64_t heads) {
  const std::int64_t rows = x.size(0), groups = x.size(1), width = x.size(2);
  const std::int64_t repeats = heads / groups;
  const Tensor by_head = reshape(contiguous(transpose(x, 0, 1)), {groups, 1, rows, width});
  return reshape(broadcast_to(by_head, {groups, repeats, rows, width}), {heads, rows, width});
}

}  // namespace

Tensor attention_composed(const Tensor& q, const Tensor& k, const Tensor& v,
                          const Visibility& visibility, ScoreForm form) {
  const std::int64_t heads = q.size(1);
  const Tensor queries = contiguous(transpose(q, 0, 1));
  const Tensor keys = contiguous(transpose(repeated_heads(k, heads), 1, 2));
  const Tensor scores =
      add(form_scores(matmul(queries, keys), form), mask_of(visibility, q.dtype()));
  const Tensor mixed = matmul(softmax(scores), contiguous(repeated_heads(v, heads)));
  return contiguous(transpose(mixed, 0, 1));
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility,
                 ScoreForm form) {
  check(q, k, v, visibility);
  if (q.count() == 0 || k.count() == 0) return Tensor::zeros(q.shape(), q.dtype());
  const Tensor queries = contiguous(q), keys = contiguous(k), values = contiguous(v);
  if (backend(queries).attention == nullptr)
    return attention_composed(queries, keys, values, visibility, form);
  const AttentionResult forward =
      backend(queries).attention(queries, keys, values, visibility, form);
  return record("attention", {queries, keys, values}, forward.output,
                [q = queries.stop_gradient(), k = keys.stop_gradient(), v = values.stop_gradient(),
                 forward, visibility, form](const Tensor& dy) {
                  AttentionGradients gradients = backend(q).attention_backward(
                      contiguous(dy), q, k, v, forward, visibility, form);
                  return Gradients{gradients.query, gradients.key, gradients.value};
                });
}

}  // namespace bantam
