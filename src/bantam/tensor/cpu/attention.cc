// Attention over blocks of queries and tiles of keys, memory linear in both (Rabe and Staats,
// arXiv:2112.05682).
//
// Query heads that read one key head form the rows of a block together with neighbouring queries,
// so a key loaded once serves all of them. Work is cut by the shape of the problem alone; the
// number of threads moves no bit of the result.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_text_attention.h"
#include "bantam/tensor/cpu/attention_operands.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/cpu/kernels.h"

namespace bantam::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Decoding has few blocks; long key lists are then cut into splits that are merged at the end.
constexpr std::int32_t kSplitKeys = 1024;
constexpr std::int64_t kFewUnits = 16;

// Keys and values as a type of products reads them.
template <class Level>
struct ForwardOperands {
  ForwardOperands(const AttentionProducts<Level>& products, const Tensor& keys,
                  const Tensor& values)
      : products(products),
        keys(products, keys, {.dots = true}),
        values(products, values, {.mix = true}) {}
  const AttentionProducts<Level>& products;
  PackedRows<Level> keys, values;
};

// One block of queries over its keys, with a running maximum: outputs are relative to exp(maximum)
// and not yet divided by the sum.
template <class Level>
class ForwardBlock {
 public:
  ForwardBlock(const AttentionProblem& problem, const ForwardOperands<Level>& operands,
               const QueryBlock& block, std::int64_t group)
      : problem_(problem),
        operands_(operands),
        block_(block),
        group_(group),
        rows_((block.end - block.begin) * problem.per_group),
        queries_(operands.products, problem, problem.q, block, group, false),
        outputs_(static_cast<std::size_t>(rows_) * problem.width, 0.0f),
        scores_(static_cast<std::size_t>(rows_) * kKeyTile),
        weights_(scores_.size()),
        maximum_(static_cast<std::size_t>(rows_), -kInfinity),
        sum_(maximum_.size(), 0.0f),
        kept_(maximum_.size()),
        factors_(maximum_.size()) {}

  void attend(std::int32_t begin, std::int32_t end) {
    for_each_key_tile(block_, begin, end, [&](std::int32_t tile, std::int32_t tile_end) {
      for_each_run(problem_, block_, tile, tile_end,
                   [&](std::int32_t query, std::int32_t last, const SeenKeys& seen) {
                     if (!seen.none()) attend_run(query, last, ScoreSpan(seen));
                   });
    });
  }

  int rows() const { return rows_; }
  const float* output(int row) const { return outputs_.data() + row * problem_.width; }
  float maximum(int row) const { return maximum_[row]; }
  float sum(int row) const { return sum_[row]; }

 private:
  void attend_run(std::int32_t query, std::int32_t last, const ScoreSpan& span) {
    const int first_row = (query - block_.begin) * problem_.per_group;
    const int count = (last - query) * problem_.per_group;
    float* scores = scores_.data() + first_row * kKeyTile + span.place();
    operands_.products.dots(queries_.levels(first_row), queries_.scales(first_row), count,
                            operands_.keys.tiles(group_, span.begin),
                            operands_.keys.scales(group_, span.begin), span.tiles, problem_.width,
                            problem_.form.scale, scores, kKeyTile);
    for (int row = 0; row < count; ++row, scores += kKeyTile) {
      const std::int32_t t = query + row / problem_.per_group;
      problem_.bias.add(t, problem_.head(group_, row), span.low, span.high,
                        scores + (span.low - span.begin));
      cap(problem_.form, scores, span.count());
      hide(problem_.visibility, t, span, -kInfinity, scores);
      weigh(first_row + row, scores, span);
    }
    constexpr int kInWord = kInWordOf<Level>;
    const Level* weights =
        weights_.data() + first_row * kKeyTile + span.low % kKeyTile / kInWord * kInWord;
    operands_.products.mix(
        outputs_.data() + first_row * problem_.width, problem_.width, kept_.data() + first_row,
        factors_.data() + first_row,
        {reinterpret_cast<const Word<Level>*>(weights), kKeyTile / kInWord, 1, count},
        operands_.values.rows(group_, span.low, span.high), problem_.width);
  }

  // Turns scores into weights relative to the span's maximum, and finds what brings these, and what
  // was summed so far, to the largest of all.
  void weigh(int row, const float* scores, const ScoreSpan& span) {
    Level* weights = weights_.data() + row * kKeyTile + span.place();
    const WeighedScores weighed = operands_.products.weigh(
        scores, operands_.values.scales(group_, span.begin), span.count(), weights);
    const float before = maximum_[row], most = weighed.maximum;
    if (most == -kInfinity) {  // a neighbour in the run sees these keys, this row does not
      kept_[row] = 1, factors_[row] = 0;
      return;
    }
    const bool is_largest = most > before;
    const float ratio = std::exp(-std::abs(most - before));
    const float kept = is_largest ? ratio : 1, taken = is_largest ? 1 : ratio;
    maximum_[row] = is_largest ? most : before;
    sum_[row] = sum_[row] * kept + weighed.sum * taken;
    kept_[row] = kept, factors_[row] = taken * weighed.factor;
  }

  const AttentionProblem& problem_;
  const ForwardOperands<Level>& operands_;
  const QueryBlock& block_;
  std::int64_t group_;
  int rows_;
  BlockRows<Level> queries_;
  std::vector<float> outputs_, scores_;
  std::vector<Level> weights_;  // [rows][kKeyTile]
  std::vector<float> maximum_, sum_;
  std::vector<float> kept_, factors_;  // of the run at hand
};

// Where the splits of one call leave their unfinished rows, to be merged in order.
struct Partials {
  Partials(std::int64_t splits, std::int64_t rows, int width)
      : rows(rows),
        width(width),
        outputs(static_cast<std::size_t>(splits * rows * width)),
        maximum(static_cast<std::size_t>(splits * rows), -kInfinity),
        sum(static_cast<std::size_t>(splits * rows)) {}

  void merge(std::int64_t splits, std::int64_t row, float* out, float* log_sum_exp) const {
    float most = -kInfinity, total = 0;
    for (std::int64_t s = 0; s < splits; ++s) most = std::max(most, maximum[s * rows + row]);
    if (most == -kInfinity) return;
    for (std::int64_t s = 0; s < splits; ++s) {
      const float factor = std::exp(maximum[s * rows + row] - most);
      total += factor * sum[s * rows + row];
      const float* part = outputs.data() + (s * rows + row) * width;
      for (int e = 0; e < width; ++e) out[e] += factor * part[e];
    }
    for (int e = 0; e < width; ++e) out[e] /= total;
    *log_sum_exp = most + std::log(total);
  }

  std::int64_t rows;
  int width;
  std::vector<float> outputs, maximum, sum;
};

template <class Level>
void attend_whole(const AttentionProblem& problem, const ForwardOperands<Level>& operands,
                  const std::vector<QueryBlock>& blocks, float* out, float* log_sum_exp) {
  const auto units = static_cast<std::int64_t>(blocks.size()) * problem.groups;
  parallel_for(units, 1, [&](std::int64_t unit, std::int64_t) {
    // Late blocks of a causal plan see most keys: they go first, small ones fill the gaps.
    const QueryBlock& block = blocks[blocks.size() - 1 - unit / problem.groups];
    const std::int64_t group = unit % problem.groups;
    ForwardBlock<Level> work(problem, operands, block, group);
    work.attend(0, problem.visibility.key_rows);
    const std::int64_t offset = problem.query_offset(block.begin, group);
    for (int row = 0; row < work.rows(); ++row) {
      const std::int64_t at = offset / problem.width + row / problem.per_group * problem.heads +
                              row % problem.per_group;
      const float factor = 1.0f / work.sum(row);
      const float* result = work.output(row);
      for (int e = 0; e < problem.width; ++e) out[at * problem.width + e] = result[e] * factor;
      log_sum_exp[at] = work.maximum(row) + std::log(work.sum(row));
    }
  });
}

template <class Level>
void attend_in_splits(const AttentionProblem& problem, const ForwardOperands<Level>& operands,
                      const std::vector<QueryBlock>& blocks, std::int64_t splits, float* out,
                      float* log_sum_exp) {
  const std::int64_t rows = problem.visibility.queries() * problem.heads;
  Partials partials(splits, rows, problem.width);
  const auto units = static_cast<std::int64_t>(blocks.size()) * problem.groups * splits;
  parallel_for(units, 1, [&](std::int64_t unit, std::int64_t) {
    const std::int64_t split = unit % splits, group = unit / splits % problem.groups;
    const QueryBlock& block = blocks[unit / splits / problem.groups];
    ForwardBlock<Level> work(problem, operands, block, group);
    const auto begin = static_cast<std::int32_t>(split * kSplitKeys);
    work.attend(begin, begin + kSplitKeys);
    const std::int64_t first = problem.query_offset(block.begin, group) / problem.width;
    for (int row = 0; row < work.rows(); ++row) {
      const std::int64_t at =
          split * rows + first + row / problem.per_group * problem.heads + row % problem.per_group;
      std::copy_n(work.output(row), problem.width, partials.outputs.data() + at * problem.width);
      partials.maximum[at] = work.maximum(row);
      partials.sum[at] = work.sum(row);
    }
  });
  parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      partials.merge(splits, row, out + row * problem.width, log_sum_exp + row);
    }
  });
}

}  // namespace

AttentionResult attention(const Tensor& q, const Tensor& k, const Tensor& v,
                          const Visibility& visibility, ScoreForm form, const RelativeBias& bias) {
  const Tensor queries = padded(q), keys = padded(k), values = padded(v);
  const AttentionProblem problem(queries, keys.size(1), visibility, form, bias);
  // Rows that see nothing keep these values.
  Tensor output = Tensor::zeros(queries.shape());
  Tensor log_sum_exp = Tensor::full({q.size(0), q.size(1)}, -kInfinity);
  if (attends_texts_by_amx(problem)) {
    attend_texts_by_amx(problem, keys, values, query_blocks(visibility, kTextTile),
                        output.data<float>(), log_sum_exp.data<float>());
    return {without_padding(output, q.size(2)), log_sum_exp};
  }
  const std::vector<QueryBlock> blocks = query_blocks(visibility, problem.queries_per_block());
  const std::int64_t splits = (visibility.key_rows + kSplitKeys - 1) / kSplitKeys;
  const auto units = static_cast<std::int64_t>(blocks.size()) * problem.groups;
  with_products(problem, [&]<class Level>(const AttentionProducts<Level>& products) {
    const ForwardOperands<Level> operands(products, keys, values);
    float *out = output.data<float>(), *sums = log_sum_exp.data<float>();
    if (splits > 1 && units < kFewUnits) {
      attend_in_splits(problem, operands, blocks, splits, out, sums);
    } else {
      attend_whole(problem, operands, blocks, out, sums);
    }
  });
  return {without_padding(output, q.size(2)), log_sum_exp};
}

}  // namespace bantam::cpu
