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

/// Sizes and memory that all units of one call share.
struct AttentionProblem {
  AttentionProblem(const Tensor& queries, std::int64_t groups, const Visibility& visibility,
                   ScoreForm form, const RelativeBias& bias)
      : q(queries.data<float>()),
        heads(queries.size(1)),
        groups(groups),
        width(static_cast<int>(queries.size(2))),
        per_group(static_cast<int>(heads / groups)),
        form(form),
        bias(bias, heads),
        visibility(visibility) {}

  /// Elements before the first of the query heads of `group` at `query`; they lie side by side.
  std::int64_t query_offset(std::int64_t query, std::int64_t group) const {
    return (query * heads + group * per_group) * width;
  }
  std::int64_t head(std::int64_t group, int row) const {
    return group * per_group + row % per_group;
  }
  std::int32_t queries_per_block() const { return std::max(1, kBlockRows / per_group); }

  const float* q;
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

/// The keys from `low` on and before `high`, which some queries of a run see, or all of them.
struct SeenKeys {
  std::int32_t low, high;
  bool by_all;
  bool none() const { return low >= high; }
};

/// Calls f(first query, last query, seen) for runs of queries whose rows fill the largest register
/// tile, with the keys in [begin, end) that any of them sees.
template <class F>
void for_each_run(const AttentionProblem& problem, const QueryBlock& block, std::int32_t begin,
                  std::int32_t end, F f) {
  const std::int32_t run = std::max(1, 6 / problem.per_group);
  for (std::int32_t query = block.begin; query < block.end; query += run) {
    const std::int32_t last = std::min(query + run, block.end);
    std::int32_t low = end, high = begin, pairs = 0;
    for (std::int32_t t = query; t < last; ++t) {
      for_each_visible(problem.visibility, t, begin, end, [&](std::int32_t from, std::int32_t to) {
        low = std::min(low, from), high = std::max(high, to), pairs += to - from;
      });
    }
    f(query, last, SeenKeys{low, high, pairs == (last - query) * (high - low)});
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
