// What the forward and the backward pass of attention share: the sizes of a call, and how its rows
// are gathered and walked.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bantam/tensor/cpu/attention_bias.h"
#include "bantam/tensor/cpu/attention_plan.h"
#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

// Rows of a block: with 64 features its queries, outputs and scores take 36 KiB, next to 32 KiB of
// keys and values.
constexpr std::int32_t kBlockRows = 48;

/// x [R, H, E] with zeros behind each head up to a multiple of kTileWidthUnit; x itself when E is
/// one. Head widths that vectors do not divide are rare and pay for the copies.
Tensor padded(const Tensor& x);
/// The first `width` features of each head.
Tensor without_padding(const Tensor& x, std::int64_t width);

/// Keys or values x [R, G, E], E a multiple of kTileWidthUnit, with the features of neighbors apart:
/// [G][tiles of kTileWidthUnit rows][E][kTileWidthUnit]. What AttentionTiles::dots_by_feature
/// takes, made once for all queries; behind each group there is room that it may read.
class ByFeature {
 public:
  explicit ByFeature(const Tensor& x);
  const float* of_group(std::int64_t group) const {
    return memory_.data<float>() + group * size_of_group_;
  }

 private:
  std::int64_t size_of_group_;
  Tensor memory_;
};

/// Sizes and memory that all units of one call share.
struct AttentionProblem {
  AttentionProblem(const Tensor& queries, const Tensor& keys, const Tensor& values,
                   const Visibility& visibility, ScoreForm form, const RelativeBias& bias)
      : q(queries.data<float>()),
        k(keys.data<float>()),
        v(values.data<float>()),
        k_by_feature(keys),
        heads(queries.size(1)),
        groups(keys.size(1)),
        width(static_cast<int>(queries.size(2))),
        per_group(static_cast<int>(heads / groups)),
        form(form),
        bias(bias, heads),
        visibility(visibility) {}

  /// Elements before the first of the query heads of `group` at `query`; they lie side by side.
  std::int64_t query_offset(std::int64_t query, std::int64_t group) const {
    return (query * heads + group * per_group) * width;
  }
  Rows key_rows(const float* data, std::int64_t group, std::int32_t begin, std::int32_t end) const {
    return {data + (begin * groups + group) * width, groups * width, end - begin};
  }
  std::int64_t head(std::int64_t group, int row) const {
    return group * per_group + row % per_group;
  }
  std::int32_t queries_per_block() const { return std::max(1, kBlockRows / per_group); }

  const float *q, *k, *v;
  ByFeature k_by_feature;
  std::int64_t heads, groups;
  int width, per_group;
  ScoreForm form;
  AttentionBias bias;
  const Visibility& visibility;
};

/// Scores that were multiplied by the form's scale, capped where it has a cap.
inline void cap(ScoreForm form, float* scores, std::int64_t count) {
  if (!form.capped()) return;
  for (std::int64_t i = 0; i < count; ++i) scores[i] /= form.softcap;
  tanh_row(scores, scores, count);
  for (std::int64_t i = 0; i < count; ++i) scores[i] *= form.softcap;
}

/// Copies the block's rows of one head group side by side.
inline void gather(const AttentionProblem& problem, const float* from, const QueryBlock& block,
                   std::int64_t group, float* to) {
  const std::int64_t run = std::int64_t{problem.per_group} * problem.width;
  for (std::int32_t query = block.begin; query < block.end; ++query, to += run) {
    std::copy_n(from + problem.query_offset(query, group), run, to);
  }
}

/// Calls f(first query, last query, begin, end) for runs of queries whose rows fill the largest
/// register tile, with the span of keys in [begin, end) that any of them sees.
template <class F>
void for_each_run(const AttentionProblem& problem, const QueryBlock& block, std::int32_t begin,
                  std::int32_t end, F f) {
  const std::int32_t run = std::max(1, 6 / problem.per_group);
  for (std::int32_t query = block.begin; query < block.end; query += run) {
    const std::int32_t last = std::min(query + run, block.end);
    std::int32_t low = end, high = begin;
    for (std::int32_t t = query; t < last; ++t) {
      for_each_visible(problem.visibility, t, begin, end, [&](std::int32_t from, std::int32_t to) {
        low = std::min(low, from), high = std::max(high, to);
      });
    }
    if (low < high) f(query, last, low, high);
  }
}

/// Calls f(begin, end) for the parts of [low, high) that `query` does not see.
template <class F>
void for_each_hidden(const Visibility& visibility, std::int32_t query, std::int32_t low,
                     std::int32_t high, F f) {
  std::int32_t cursor = low;
  for_each_visible(visibility, query, low, high, [&](std::int32_t from, std::int32_t to) {
    if (cursor < from) f(cursor, from);
    cursor = to;
  });
  if (cursor < high) f(cursor, high);
}

}  // namespace bantam::cpu
