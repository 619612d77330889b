// The backward pass of attention: probabilities are recomputed from the log-sum-exp that the
// forward pass kept (Dao et al., arXiv:2205.14135), memory linear in queries and keys.
//
// A unit of work is a key head and a chunk of keys: gradients of keys and values have one owner,
// and those of queries are summed over the chunks in order, so threads move no bit of the result.
#include <algorithm>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/cpu/kernels.h"

namespace bantam::cpu {
namespace {

// Chunks of keys of the backward pass: enough units for some threads, and partial query gradients
// that stay within a few times the size of the queries.
constexpr std::int32_t kMostChunks = 8;

// A range of keys and the query blocks that see some of them.
struct KeyChunk {
  std::int32_t begin = 0, end = 0;
  std::vector<const QueryBlock*> blocks;
  std::int32_t first_query = 0, last_query = 0;  ///< of the blocks
};

std::vector<KeyChunk> key_chunks(const std::vector<QueryBlock>& blocks, std::int32_t key_rows) {
  const std::int32_t even = (key_rows + kMostChunks - 1) / kMostChunks;
  const std::int32_t size = std::max((even + kKeyTile - 1) / kKeyTile, 1) * kKeyTile;
  std::vector<KeyChunk> chunks;
  for (std::int32_t begin = 0; begin < key_rows; begin += size) {
    KeyChunk chunk{begin, std::min(begin + size, key_rows), {}};
    for (const QueryBlock& block : blocks) {
      const bool sees = std::ranges::any_of(block.keys, [&](const KeyRange& range) {
        return range.begin < chunk.end && range.end > chunk.begin;
      });
      if (sees) chunk.blocks.push_back(&block);
    }
    if (!chunk.blocks.empty()) {
      chunk.first_query = chunk.blocks.front()->begin;
      chunk.last_query = chunk.blocks.back()->end;
    }
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

struct AttentionGradientProblem : AttentionProblem {
  AttentionGradientProblem(const Tensor& queries, const Tensor& keys, const Tensor& values,
                           const Visibility& visibility, ScoreForm form, const RelativeBias& bias)
      : AttentionProblem(queries, keys, values, visibility, form, bias), v_by_feature(values) {}

  ByFeature v_by_feature;
  const float* d_output = nullptr;
  const float* log_sum_exp = nullptr;
  const float* mean = nullptr;  ///< [T, H] d_output · output, the mean of dp under p
  float *d_key = nullptr, *d_value = nullptr;
};

// Rows that one chunk of keys adds to a gradient, from the row `first` on.
struct PartialGradient {
  std::int64_t first = 0;
  Tensor rows;
  BiasGradientRows bias_rows() { return {rows.defined() ? rows.data<float>() : nullptr, first}; }
};

// What one chunk adds to gradients that it does not own.
struct PartialGradients {
  PartialGradient query, by_query, by_key;
};

// The gradients that one head group and one chunk of keys contribute. Keys and values belong to
// this unit alone; others go to `partial`.
class BackwardUnit {
 public:
  BackwardUnit(const AttentionGradientProblem& problem, const KeyChunk& chunk, std::int64_t group,
               PartialGradients& partial)
      : problem_(problem),
        chunk_(chunk),
        group_(group),
        d_query_(partial.query.rows.data<float>()),
        d_by_query_(partial.by_query.bias_rows()),
        d_by_key_(partial.by_key.bias_rows()) {
    const auto rows = static_cast<std::size_t>(problem.queries_per_block()) * problem.per_group;
    for (auto* buffer : {&queries_, &d_outputs_, &d_queries_}) buffer->resize(rows * problem.width);
    for (auto* buffer : {&p_, &ds_}) buffer->resize(rows * kKeyTile);
  }

  void run() {
    for (const QueryBlock* block : chunk_.blocks) {
      gather(problem_, problem_.q, *block, group_, queries_.data());
      gather(problem_, problem_.d_output, *block, group_, d_outputs_.data());
      std::ranges::fill(d_queries_, 0.0f);
      for_each_key_tile(*block, chunk_.begin, chunk_.end,
                        [&](std::int32_t begin, std::int32_t end) { tile(*block, begin, end); });
      add_query_gradients(*block);
    }
  }

 private:
  void tile(const QueryBlock& block, std::int32_t begin, std::int32_t end) {
    const int rows = (block.end - block.begin) * problem_.per_group, width = problem_.width;
    std::fill_n(p_.data(), rows * kKeyTile, 0.0f);
    std::fill_n(ds_.data(), rows * kKeyTile, 0.0f);
    for_each_run(problem_, block, begin, end,
                 [&](std::int32_t query, std::int32_t last, std::int32_t low, std::int32_t high) {
                   probabilities(block, query, last, begin, low, high);
                 });
    tiles_.mix(d_queries_.data(), width, rows, ds_.data(), kKeyTile, 1,
               problem_.key_rows(problem_.k, group_, begin, end), width);
    const std::int64_t offset = (begin * problem_.groups + group_) * width;
    const std::int64_t stride = problem_.groups * width;
    tiles_.mix(problem_.d_value + offset, stride, end - begin, p_.data(), 1, kKeyTile,
               {d_outputs_.data(), width, rows}, width);
    tiles_.mix(problem_.d_key + offset, stride, end - begin, ds_.data(), 1, kKeyTile,
               {queries_.data(), width, rows}, width);
  }

  // Fills p and ds of the rows of some queries for keys low … high of the tile that starts at
  // `begin`.
  void probabilities(const QueryBlock& block, std::int32_t query, std::int32_t last,
                     std::int32_t begin, std::int32_t low, std::int32_t high) {
    const int first_row = (query - block.begin) * problem_.per_group;
    const int count = (last - query) * problem_.per_group, width = problem_.width;
    float* p = p_.data() + first_row * kKeyTile;
    float* ds = ds_.data() + first_row * kKeyTile;
    tiles_.dots_by_feature({queries_.data() + first_row * width, width, count},
                           problem_.k_by_feature.of_group(group_), low, high - low, width,
                           problem_.form.scale, p + (low - begin), kKeyTile);
    tiles_.dots_by_feature({d_outputs_.data() + first_row * width, width, count},
                           problem_.v_by_feature.of_group(group_), low, high - low, width, 1.0f,
                           ds + (low - begin), kKeyTile);
    for (int row = 0; row < count; ++row, p += kKeyTile, ds += kKeyTile) {
      const std::int32_t t = query + row / problem_.per_group;
      const std::int64_t head = problem_.head(group_, row), at = t * problem_.heads + head;
      problem_.bias.add(t, head, low, high, p + (low - begin));
      cap_and_keep_slopes(p + (low - begin), high - low);
      for_each_hidden(problem_.visibility, t, low, high, [&](std::int32_t from, std::int32_t to) {
        std::fill(p + (from - begin), p + (to - begin), 0.0f);
        std::fill(ds + (from - begin), ds + (to - begin), 0.0f);
      });
      for_each_visible(problem_.visibility, t, low, high, [&](std::int32_t from, std::int32_t to) {
        tiles_.probability_gradients(p + (from - begin), ds + (from - begin), to - from,
                                     problem_.log_sum_exp[at], problem_.mean[at],
                                     problem_.bias.present() ? 1.0f : problem_.form.scale);
      });
      multiply_by_slopes(ds + (low - begin), high - low);
      if (problem_.bias.present()) {
        problem_.bias.add_gradients(t, head, low, high, ds + (low - begin), d_by_query_, d_by_key_);
        tiles_.multiply(ds + (low - begin), high - low, problem_.form.scale);
      }
    }
  }

  // The derivative of softcap * tanh(s / softcap) is 1 - (score / softcap)².
  void cap_and_keep_slopes(float* scores, int count) {
    const ScoreForm form = problem_.form;
    if (!form.capped()) return;
    cap(form, scores, count);
    for (int i = 0; i < count; ++i) {
      const float share = scores[i] / form.softcap;
      slopes_[i] = 1 - share * share;
    }
  }

  void multiply_by_slopes(float* gradients, int count) const {
    if (!problem_.form.capped()) return;
    for (int i = 0; i < count; ++i) gradients[i] *= slopes_[i];
  }

  void add_query_gradients(const QueryBlock& block) {
    const std::int64_t run = std::int64_t{problem_.per_group} * problem_.width;
    const float* from = d_queries_.data();
    for (std::int32_t query = block.begin; query < block.end; ++query, from += run) {
      float* to = d_query_ + problem_.query_offset(query - chunk_.first_query, group_);
      std::copy_n(from, run, to);
    }
  }

  const AttentionTiles& tiles_ = attention_tiles();
  const AttentionGradientProblem& problem_;
  const KeyChunk& chunk_;
  std::int64_t group_;
  float* d_query_;  ///< rows from the chunk's first query on
  BiasGradientRows d_by_query_, d_by_key_;
  std::vector<float> queries_, d_outputs_, d_queries_, p_, ds_;
  float slopes_[kKeyTile];
};

Tensor row_products(const Tensor& a, const Tensor& b) {
  const std::int64_t rows = a.size(0) * a.size(1), width = a.size(2);
  Tensor out = Tensor::empty({a.size(0), a.size(1)});
  const float *x = a.data<float>(), *y = b.data<float>();
  float* sums = out.data<float>();
  parallel_for(rows, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float sum = 0;
      for (std::int64_t e = row * width; e < (row + 1) * width; ++e) sum += x[e] * y[e];
      sums[row] = sum;
    }
  });
  return out;
}

// Zeros for one side of the bias: the rows that the chunk meets, or the only one.
PartialGradient bias_gradient(const Tensor& side, std::int64_t first, std::int64_t last) {
  if (!side.defined()) return {};
  const bool is_shared = side.size(0) == 1;
  return {is_shared ? 0 : first,
          Tensor::zeros({is_shared ? 1 : last - first, side.size(1), side.size(2)})};
}

PartialGradients partial_gradients(const KeyChunk& chunk, const Tensor& queries,
                                   const RelativeBias& bias) {
  const std::int32_t first = chunk.first_query, last = chunk.last_query;
  // Zeros: between its blocks a chunk may skip queries.
  return {{first, Tensor::zeros({last - first, queries.size(1), queries.size(2)})},
          bias_gradient(bias.by_query, first, last),
          bias_gradient(bias.by_key, chunk.begin, chunk.end)};
}

// Sums what the chunks give, in their order.
Tensor sum_of_chunks(const std::vector<PartialGradients>& partials,
                     PartialGradient PartialGradients::*gradient, const Tensor& of) {
  if (!of.defined()) return {};
  Tensor sum = Tensor::zeros(of.shape());
  const std::int64_t row = of.size(1) * of.size(2);
  float* out = sum.data<float>();
  parallel_for(of.size(0), 32, [&](std::int64_t begin, std::int64_t end) {
    for (const PartialGradients& partial : partials) {
      const PartialGradient& part = partial.*gradient;
      const std::int64_t first = std::max(begin, part.first);
      const std::int64_t last = std::min(end, part.first + part.rows.size(0));
      if (first >= last) continue;
      const float* from = part.rows.data<float>() + (first - part.first) * row;
      for (std::int64_t i = 0; i < (last - first) * row; ++i) out[first * row + i] += from[i];
    }
  });
  return sum;
}

}  // namespace

AttentionGradients attention_backward(const Tensor& d_output, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const AttentionResult& forward,
                                      const Visibility& visibility, ScoreForm form,
                                      const RelativeBias& bias) {
  const Tensor queries = padded(q), keys = padded(k), values = padded(v), dy = padded(d_output);
  const Tensor mean = row_products(d_output, forward.output);
  Tensor d_key = Tensor::zeros(keys.shape()), d_value = Tensor::zeros(keys.shape());
  AttentionGradientProblem problem(queries, keys, values, visibility, form, bias);
  problem.d_output = dy.data<float>();
  problem.log_sum_exp = forward.log_sum_exp.data<float>();
  problem.mean = mean.data<float>();
  problem.d_key = d_key.data<float>();
  problem.d_value = d_value.data<float>();

  const std::vector<QueryBlock> blocks = query_blocks(visibility, problem.queries_per_block());
  const std::vector<KeyChunk> chunks = key_chunks(blocks, visibility.key_rows);
  std::vector<PartialGradients> partials;
  for (const KeyChunk& chunk : chunks) partials.push_back(partial_gradients(chunk, queries, bias));
  const auto units = static_cast<std::int64_t>(chunks.size()) * problem.groups;
  parallel_for(units, 1, [&](std::int64_t unit, std::int64_t) {
    const auto chunk = static_cast<std::size_t>(unit / problem.groups);
    BackwardUnit(problem, chunks[chunk], unit % problem.groups, partials[chunk]).run();
  });
  const Tensor d_query = sum_of_chunks(partials, &PartialGradients::query, queries);
  const std::int64_t width = q.size(2);
  return {without_padding(d_query, width), without_padding(d_key, width),
          without_padding(d_value, width),
          sum_of_chunks(partials, &PartialGradients::by_query, bias.by_query),
          sum_of_chunks(partials, &PartialGradients::by_key, bias.by_key)};
}

}  // namespace bantam::cpu
