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
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/cpu/kernels.h"

namespace bantam::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Decoding has few blocks; long key lists are then cut into splits that are merged at the end.
constexpr std::int32_t kSplitKeys = 1024;
constexpr std::size_t kFewUnits = 16;

// One block of queries over its keys, with a running maximum: outputs are relative to exp(maximum)
// and not yet divided by the sum.
class ForwardBlock {
 public:
  ForwardBlock(const AttentionProblem& problem, const QueryBlock& block, std::int64_t group)
      : problem_(problem),
        block_(block),
        group_(group),
        rows_((block.end - block.begin) * problem.per_group),
        queries_(static_cast<std::size_t>(rows_) * problem.width),
        outputs_(queries_.size(), 0.0f),
        scores_(static_cast<std::size_t>(rows_) * kKeyTile),
        maximum_(static_cast<std::size_t>(rows_), -kInfinity),
        sum_(static_cast<std::size_t>(rows_), 0.0f) {
    gather(problem, problem.q, block, group, queries_.data());
  }

  void attend(std::int32_t begin, std::int32_t end) {
    for_each_key_tile(block_, begin, end, [&](std::int32_t tile, std::int32_t tile_end) {
      for_each_run(problem_, block_, tile, tile_end,
                   [&](std::int32_t query, std::int32_t last, std::int32_t low, std::int32_t high) {
                     attend_run(query, last, low, high);
                   });
    });
  }

  int rows() const { return rows_; }
  const float* output(int row) const { return outputs_.data() + row * problem_.width; }
  float maximum(int row) const { return maximum_[row]; }
  float sum(int row) const { return sum_[row]; }

 private:
  void attend_run(std::int32_t query, std::int32_t last, std::int32_t low, std::int32_t high) {
    const int first_row = (query - block_.begin) * problem_.per_group;
    const int count = (last - query) * problem_.per_group;
    const int width = problem_.width;
    float* scores = scores_.data() + first_row * kKeyTile;
    const Rows queries{queries_.data() + first_row * width, width, count};
    tiles_.dots_by_feature(queries, problem_.k_by_feature.of_group(group_), low, high - low, width,
                           problem_.form.scale, scores, kKeyTile);
    for (int row = 0; row < count; ++row, scores += kKeyTile) {
      const std::int32_t t = query + row / problem_.per_group;
      problem_.bias.add(t, problem_.head(group_, row), low, high, scores);
      cap(problem_.form, scores, high - low);
      hide(t, low, high, scores);
      add_scores(first_row + row, scores, high - low);
    }
    tiles_.mix(outputs_.data() + first_row * width, width, count,
               scores_.data() + first_row * kKeyTile, kKeyTile, 1,
               problem_.key_rows(problem_.v, group_, low, high), width);
  }

  void hide(std::int32_t query, std::int32_t low, std::int32_t high, float* scores) const {
    for_each_hidden(problem_.visibility, query, low, high, [&](std::int32_t from, std::int32_t to) {
      std::fill(scores + (from - low), scores + (to - low), -kInfinity);
    });
  }

  // Turns scores into weights relative to the new maximum, and moves what was summed so far there.
  void add_scores(int row, float* scores, int count) {
    const float before = maximum_[row];
    const float most = std::max(before, tiles_.max(scores, count));
    if (most == -kInfinity) {  // a neighbour in the run sees these keys, this row does not
      std::fill_n(scores, count, 0.0f);
      return;
    }
    const float correction = std::exp(before - most);
    if (correction != 1.0f) {
      tiles_.multiply(outputs_.data() + row * problem_.width, problem_.width, correction);
    }
    maximum_[row] = most;
    sum_[row] = sum_[row] * correction + tiles_.exp_and_sum(scores, count, most);
  }

  const AttentionTiles& tiles_ = attention_tiles();
  const AttentionProblem& problem_;
  const QueryBlock& block_;
  std::int64_t group_;
  int rows_;
  std::vector<float> queries_, outputs_, scores_, maximum_, sum_;
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

void attend_whole(const AttentionProblem& problem, const std::vector<QueryBlock>& blocks,
                  float* out, float* log_sum_exp) {
  const auto units = static_cast<std::int64_t>(blocks.size()) * problem.groups;
  parallel_for(units, 1, [&](std::int64_t unit, std::int64_t) {
    // Late blocks of a causal plan see most keys: they go first, small ones fill the gaps.
    const QueryBlock& block = blocks[blocks.size() - 1 - unit / problem.groups];
    const std::int64_t group = unit % problem.groups;
    ForwardBlock work(problem, block, group);
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

void attend_in_splits(const AttentionProblem& problem, const std::vector<QueryBlock>& blocks,
                      std::int64_t splits, float* out, float* log_sum_exp) {
  const std::int64_t rows = problem.visibility.queries() * problem.heads;
  Partials partials(splits, rows, problem.width);
  const auto units = static_cast<std::int64_t>(blocks.size()) * problem.groups * splits;
  parallel_for(units, 1, [&](std::int64_t unit, std::int64_t) {
    const std::int64_t split = unit % splits, group = unit / splits % problem.groups;
    const QueryBlock& block = blocks[unit / splits / problem.groups];
    ForwardBlock work(problem, block, group);
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
  const AttentionProblem problem(queries, keys, values, visibility, form, bias);
  // Rows that see nothing keep these values.
  Tensor output = Tensor::zeros(queries.shape());
  Tensor log_sum_exp = Tensor::full({q.size(0), q.size(1)}, -kInfinity);
  const std::vector<QueryBlock> blocks = query_blocks(visibility, problem.queries_per_block());
  const std::int64_t splits = (visibility.key_rows + kSplitKeys - 1) / kSplitKeys;
  if (splits > 1 && blocks.size() * static_cast<std::size_t>(problem.groups) < kFewUnits) {
    attend_in_splits(problem, blocks, splits, output.data<float>(), log_sum_exp.data<float>());
  } else {
    attend_whole(problem, blocks, output.data<float>(), log_sum_exp.data<float>());
  }
  return {without_padding(output, q.size(2)), log_sum_exp};
}

}  // namespace bantam::cpu
