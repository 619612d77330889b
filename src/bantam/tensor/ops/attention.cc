#include "bantam/tensor/ops/attention.h"

#include <algorithm>
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

void check_positions(const RelativeBias& bias, std::int64_t queries, std::int64_t keys) {
  if (!bias.present()) return;
  if (std::ssize(bias.query_positions) != queries || std::ssize(bias.key_positions) != keys) {
    throw input_error(
        "attention: {} queries and {} keys have {} and {} positions for their relative bias",
        queries, keys, bias.query_positions.size(), bias.key_positions.size());
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

// [H, T, S] of the side [T or 1, H, B], or of the side [S or 1, H, B] whose rows follow keys.
Tensor bias_of_side(const Tensor& side, bool follows_keys, const RelativeBias& bias) {
  const std::int64_t heads = side.size(1), buckets = side.size(2);
  const std::int64_t queries = std::ssize(bias.query_positions);
  const std::int64_t keys = std::ssize(bias.key_positions);
  std::vector<std::int32_t> places;
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t t = 0; t < queries; ++t) {
      for (std::int64_t s = 0; s < keys; ++s) {
        const std::int64_t row = side.size(0) == 1 ? 0 : follows_keys ? s : t;
        const std::int32_t distance = bias.key_positions[static_cast<std::size_t>(s)] -
                                      bias.query_positions[static_cast<std::size_t>(t)];
        places.push_back(
            static_cast<std::int32_t>((row * heads + head) * buckets + bias.bucket(distance)));
      }
    }
  }
  const Tensor chosen =
      index_rows(reshape(side, {side.count(), 1}), Tensor::from(places, {std::ssize(places)}));
  return reshape(chosen, {heads, queries, keys});
}

// The bias between scale and cap.
Tensor biased_scores(const Tensor& products, ScoreForm form, const RelativeBias& bias) {
  Tensor scores = form_scores(products, form.scale);
  if (bias.by_query.defined()) scores = add(scores, bias_of_side(bias.by_query, false, bias));
  if (bias.by_key.defined()) scores = add(scores, bias_of_side(bias.by_key, true, bias));
  return form.capped() ? form_scores(scores, {1.0f, form.softcap}) : scores;
}

RelativeBias without_gradient(const RelativeBias& bias) {
  RelativeBias constant = bias;
  for (Tensor* side : {&constant.by_query, &constant.by_key}) {
    if (side->defined()) *side = side->stop_gradient();
  }
  return constant;
}

void check_side(std::string_view op, const Tensor& side, const Tensor& q, std::int64_t rows,
                std::int32_t largest_bucket) {
  if (!side.defined()) return;
  const bool fits = side.rank() == 3 && (side.size(0) == 1 || side.size(0) == rows) &&
                    side.size(1) == q.size(1) && side.size(2) > largest_bucket &&
                    side.dtype() == q.dtype();
  if (fits) return;
  throw input_error("{}: expected a relative bias of [{} or 1, {}, more than {}] {}, found {} {}",
                    op, rows, q.size(1), largest_bucket, info(q.dtype()).name, side.shape().text(),
                    info(side.dtype()).name);
}

}  // namespace

void check_relative_bias(std::string_view op, const RelativeBias& bias, const Tensor& q,
                         std::int64_t keys) {
  if (!bias.present()) return;
  if (bias.buckets.empty() || std::ranges::min(bias.buckets) < 0) {
    throw input_error("{}: a relative bias needs a bucket of 0 or more for each distance", op);
  }
  const std::int32_t largest = std::ranges::max(bias.buckets);
  check_side(op, bias.by_query, q, q.size(0), largest);
  check_side(op, bias.by_key, q, keys, largest);
}

Tensor attention_composed(const Tensor& q, const Tensor& k, const Tensor& v,
                          const Visibility& visibility, ScoreForm form, const RelativeBias& bias) {
  const std::int64_t heads = q.size(1);
  const Tensor queries = contiguous(transpose(q, 0, 1));
  const Tensor keys = contiguous(transpose(repeated_heads(k, heads), 1, 2));
  const Tensor products = matmul(queries, keys);
  const Tensor scores =
      add(bias.present() ? biased_scores(products, form, bias) : form_scores(products, form),
          mask_of(visibility, q.dtype()));
  const Tensor mixed = matmul(softmax(scores), contiguous(repeated_heads(v, heads)));
  return contiguous(transpose(mixed, 0, 1));
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility,
                 ScoreForm form, const RelativeBias& given_bias) {
  check(q, k, v, visibility);
  check_relative_bias("attention", given_bias, q, k.size(0));
  check_positions(given_bias, q.size(0), k.size(0));
  if (q.count() == 0 || k.count() == 0) return Tensor::zeros(q.shape(), q.dtype());
  const Tensor queries = contiguous(q), keys = contiguous(k), values = contiguous(v);
  RelativeBias bias = given_bias;
  std::vector<Tensor> inputs = {queries, keys, values};
  for (Tensor* side : {&bias.by_query, &bias.by_key}) {
    if (!side->defined()) continue;
    *side = contiguous(*side);
    inputs.push_back(*side);
  }
  if (backend(queries).attention == nullptr)
    return attention_composed(queries, keys, values, visibility, form, bias);
  const AttentionResult forward =
      backend(queries).attention(queries, keys, values, visibility, form, bias);
  return record("attention", inputs, forward.output,
                [q = queries.stop_gradient(), k = keys.stop_gradient(), v = values.stop_gradient(),
                 forward, visibility, form, bias = without_gradient(bias)](const Tensor& dy) {
                  const AttentionGradients all = backend(q).attention_backward(
                      contiguous(dy), q, k, v, forward, visibility, form, bias);
                  Gradients gradients = {all.query, all.key, all.value};
                  for (const Tensor& side : {all.by_query, all.by_key}) {
                    if (side.defined()) gradients.push_back(side);
                  }
                  return gradients;
                });
}

}  // namespace bantam
