// The backward pass of attention: probabilities are recomputed from the log-sum-exp that the
// forward pass kept (Dao et al., arXiv:2205.14135), memory linear in queries and keys.
//
// A unit of work is a key head and a chunk of keys: gradients of keys and values have one owner,
// and those of queries are summed over the chunks in order, so threads move no bit of the result.
#include <algorithm>
#include <limits>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_text_attention.h"
#include "bantam/tensor/cpu/attention_gradients.h"
#include "bantam/tensor/cpu/attention_operands.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/cpu/kernels.h"

namespace bantam::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Chunks of keys of the backward pass: enough units for some threads, and partial query gradients
// that stay within a few times the size of the queries.
constexpr std::int32_t kMostChunks = 8;

std::vector<KeyChunk> key_chunks(const std::vector<QueryBlock>& blocks, std::int32_t key_rows) {
  const std::int32_t even = (key_rows + kMostChunks - 1) / kMostChunks;
  const std::int32_t size = std::max((even + kKeyTile - 1) / kKeyTile, 1) * kKeyTile;
  std::vector<KeyChunk> chunks;
  for (std::int32_t begin = 0; begin < key_rows; begin += size) {
    KeyChunk chunk{begin, std::min(begin + size, key_rows), {}};
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const bool sees = std::ranges::any_of(blocks[i].keys, [&](const KeyRange& range) {
        return range.begin < chunk.end && range.end > chunk.begin;
      });
      if (sees) chunk.blocks.push_back(i);
    }
    if (!chunk.blocks.empty()) {
      chunk.first_query = blocks[chunk.blocks.front()].begin;
      chunk.last_query = blocks[chunk.blocks.back()].end;
    }
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

// All that a type of products reads, made once for all units.
template <class Level>
class BackwardOperands {
 public:
  BackwardOperands(const AttentionProducts<Level>& products,
                   const AttentionGradientProblem& problem, const Tensor& keys,
                   const Tensor& values, const std::vector<QueryBlock>& blocks)
      : products(products),
        keys(products, keys, {.dots = true, .mix = true}),
        values(products, values, {.dots = true}),
        groups_(problem.groups),
        queries_(blocks.size() * groups_),
        d_outputs_(queries_.size()) {
    parallel_for(std::ssize(queries_), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const QueryBlock& block = blocks[i / groups_];
        queries_[i] = {products, problem, problem.q, block, i % groups_, true};
        d_outputs_[i] = {products, problem, problem.d_output, block, i % groups_, true};
      }
    });
  }

  const BlockRows<Level>& queries(std::size_t block, std::int64_t group) const {
    return queries_[block * groups_ + group];
  }
  const BlockRows<Level>& d_outputs(std::size_t block, std::int64_t group) const {
    return d_outputs_[block * groups_ + group];
  }

  const AttentionProducts<Level>& products;
  PackedRows<Level> keys, values;

 private:
  std::int64_t groups_;
  std::vector<BlockRows<Level>> queries_, d_outputs_;  // [blocks][groups]
};

// What one chunk adds to gradients that it does not own.
struct PartialGradients {
  PartialGradient query, by_query, by_key;
};

// The gradients that one head group and one chunk of keys contribute. Keys and values belong to
// this unit alone; others go to `partial`.
template <class Level>
class BackwardUnit {
 public:
  BackwardUnit(const AttentionGradientProblem& problem, const BackwardOperands<Level>& operands,
               const std::vector<QueryBlock>& blocks, const KeyChunk& chunk, std::int64_t group,
               PartialGradients& partial)
      : problem_(problem),
        operands_(operands),
        blocks_(blocks),
        chunk_(chunk),
        group_(group),
        d_query_(partial.query.rows.data<float>()),
        d_by_query_(partial.by_query.bias_rows()),
        d_by_key_(partial.by_key.bias_rows()) {
    const int most_rows = problem.queries_per_block() * problem.per_group;
    d_queries_.resize(static_cast<std::size_t>(most_rows) * problem.width);
    for (auto* scores : {&p_, &ds_}) scores->resize(static_cast<std::size_t>(most_rows) * kKeyTile);
    row_weights_.resize(p_.size());
    column_weights_.resize(p_.size());
    ones_.resize(static_cast<std::size_t>(std::max(most_rows, kKeyTile)), 1.0f);
    factors_.resize(ones_.size());
  }

  void run() {
    for (const std::size_t i : chunk_.blocks) {
      const QueryBlock& block = blocks_[i];
      queries_ = &operands_.queries(i, group_);
      d_outputs_ = &operands_.d_outputs(i, group_);
      std::ranges::fill(d_queries_, 0.0f);
      for_each_key_tile(block, chunk_.begin, chunk_.end,
                        [&](std::int32_t begin, std::int32_t end) { tile(block, begin, end); });
      write_query_gradients(block);
    }
  }

 private:
  static constexpr int kInWord = kInWordOf<Level>;

  void tile(const QueryBlock& block, std::int32_t begin, std::int32_t end) {
    for_each_run(problem_, block, begin, end,
                 [&](std::int32_t query, std::int32_t last, const SeenKeys& seen) {
                   const int first_row = (query - block.begin) * problem_.per_group;
                   if (seen.none()) {
                     clear(first_row, (last - query) * problem_.per_group, 0, kKeyTile);
                   } else {
                     probabilities(query, last, first_row, ScoreSpan(seen));
                   }
                 });
    add_query_gradients(begin, end);
    add_key_gradients(problem_.d_value, p_, *d_outputs_, begin, end);
    add_key_gradients(problem_.d_key, ds_, *queries_, begin, end);
  }

  void clear(int first_row, int rows, int begin, int end) {
    for (int row = first_row; row < first_row + rows; ++row) {
      for (auto* scores : {&p_, &ds_}) {
        std::fill_n(scores->data() + row * kKeyTile + begin, end - begin, 0.0f);
      }
    }
  }

  // Adds ds times the keys begin … end of a tile to the gradients of the block's queries.
  void add_query_gradients(std::int32_t begin, std::int32_t end) {
    const int rows = queries_->count();
    const std::int32_t tile = begin / kKeyTile * kKeyTile, place = begin - tile;
    for (int row = 0; row < rows; ++row) {
      factors_[row] = operands_.products.round_weights(
          ds_.data() + row * kKeyTile, operands_.keys.scales(group_, tile), kKeyTile,
          row_weights_.data() + row * kKeyTile);
    }
    const auto* words = reinterpret_cast<const Word<Level>*>(row_weights_.data());
    operands_.products.mix(d_queries_.data(), problem_.width, ones_.data(), factors_.data(),
                           {words + place / kInWord, kKeyTile / kInWord, 1, rows},
                           operands_.keys.rows(group_, begin, end), problem_.width);
  }

  // Adds the transpose of `weights` times rows of the block to the gradients of the keys or values
  // begin … end of a tile.
  void add_key_gradients(float* gradients, const std::vector<float>& weights,
                         const BlockRows<Level>& rows, std::int32_t begin, std::int32_t end) {
    const std::int32_t place = begin % kKeyTile;
    operands_.products.round_columns(weights.data(), kKeyTile, rows.scales(0), rows.count(),
                                     kKeyTile, column_weights_.data(), factors_.data());
    const int width = problem_.width;
    operands_.products.mix(gradients + (begin * problem_.groups + group_) * width,
                           problem_.groups * width, ones_.data(), factors_.data() + place,
                           {column_weights_.data() + place, 1, kKeyTile, end - begin}, rows.rows(),
                           width);
  }

  // Fills p and ds of the rows of some queries, from `first_row` on, for the keys of `span`.
  void probabilities(std::int32_t query, std::int32_t last, int first_row, const ScoreSpan& span) {
    const int rows = (last - query) * problem_.per_group, count = span.count();
    float* p = p_.data() + first_row * kKeyTile + span.place();
    float* ds = ds_.data() + first_row * kKeyTile + span.place();
    const auto dots = [&](const BlockRows<Level>& of_rows, const PackedRows<Level>& of_keys,
                          float factor, float* out) {
      operands_.products.dots(of_rows.levels(first_row), of_rows.scales(first_row), rows,
                              of_keys.tiles(group_, span.begin), of_keys.scales(group_, span.begin),
                              span.tiles, problem_.width, factor, out, kKeyTile);
    };
    dots(*queries_, operands_.keys, problem_.form.scale, p);
    dots(*d_outputs_, operands_.values, 1.0f, ds);
    clear(first_row, rows, 0, span.place());
    clear(first_row, rows, span.place() + count, kKeyTile);
    for (int row = 0; row < rows; ++row, p += kKeyTile, ds += kKeyTile) {
      const std::int32_t t = query + row / problem_.per_group;
      const std::int64_t head = problem_.head(group_, row), at = t * problem_.heads + head;
      const int before = span.low - span.begin;
      problem_.bias.add(t, head, span.low, span.high, p + before);
      cap_and_keep_slopes(p, count);
      hide(problem_.visibility, t, span, -kInfinity, p);
      tiles_.probability_gradients(p, ds, count, problem_.log_sum_exp[at], problem_.mean[at],
                                   problem_.bias.present() ? 1.0f : problem_.form.scale);
      multiply_by_slopes(ds, count);
      hide(problem_.visibility, t, span, 0, ds);
      if (problem_.bias.present()) {
        problem_.bias.add_gradients(t, head, span.low, span.high, ds + before, d_by_query_,
                                    d_by_key_);
        tiles_.scale(ds, count, problem_.form.scale, ds);
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

  void write_query_gradients(const QueryBlock& block) {
    const std::int64_t run = std::int64_t{problem_.per_group} * problem_.width;
    const float* from = d_queries_.data();
    for (std::int32_t query = block.begin; query < block.end; ++query, from += run) {
      std::copy_n(from, run, d_query_ + problem_.query_offset(query - chunk_.first_query, group_));
    }
  }

  const AttentionTiles& tiles_ = attention_tiles();
  const AttentionGradientProblem& problem_;
  const BackwardOperands<Level>& operands_;
  const std::vector<QueryBlock>& blocks_;
  const KeyChunk& chunk_;
  std::int64_t group_;
  const BlockRows<Level>*queries_ = nullptr, *d_outputs_ = nullptr;  // of the block at hand
  float* d_query_;  ///< rows from the chunk's first query on
  BiasGradientRows d_by_query_, d_by_key_;
  std::vector<float> d_queries_;
  std::vector<float> p_, ds_;                // [rows][kKeyTile]
  std::vector<Level> row_weights_;           // the same
  std::vector<Word<Level>> column_weights_;  // [rows / kInWord, up][kKeyTile]
  std::vector<float> ones_, factors_;        // of rows, or of the keys of a tile
  float slopes_[kKeyTile];
};

// a_i · b_i of rows [T, H, E], whole vectors wide.
Tensor row_products(const Tensor& a, const Tensor& b) {
  const std::int64_t rows = a.size(0) * a.size(1);
  const auto width = static_cast<int>(a.size(2));
  Tensor out = Tensor::empty({a.size(0), a.size(1)});
  const float *x = a.data<float>(), *y = b.data<float>();
  float* sums = out.data<float>();
  parallel_for(rows, 256, [&](std::int64_t begin, std::int64_t end) {
    const AttentionTiles& tiles = attention_tiles();
    for (std::int64_t row = begin; row < end; ++row) {
      tiles.dots({x + row * width, width, 1}, {y + row * width, width, 1}, width, 1, sums + row, 1);
    }
  });
  return out;
}

void clear_rows(Tensor& x, std::int64_t begin, std::int64_t end) {
  const std::int64_t row = x.size(1) * x.size(2);
  std::fill(x.data<float>() + begin * row, x.data<float>() + end * row, 0.0f);
}

// Zeros for one side of the bias: the rows that the chunk meets, or the only one.
PartialGradient bias_gradient(const Tensor& side, std::int64_t first, std::int64_t last) {
  if (!side.defined()) return {};
  const bool is_shared = side.size(0) == 1;
  return {is_shared ? 0 : first,
          Tensor::zeros({is_shared ? 1 : last - first, side.size(1), side.size(2)})};
}

PartialGradients partial_gradients(const KeyChunk& chunk, const std::vector<QueryBlock>& blocks,
                                   const Tensor& queries, const RelativeBias& bias) {
  const std::int32_t first = chunk.first_query, last = chunk.last_query;
  PartialGradient query{first, Tensor::empty({last - first, queries.size(1), queries.size(2)})};
  // Between its blocks a chunk may skip queries.
  std::int32_t written = first;
  for (const std::size_t i : chunk.blocks) {
    clear_rows(query.rows, written - first, blocks[i].begin - first);
    written = blocks[i].end;
  }
  return {query, bias_gradient(bias.by_query, first, last),
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

void form_gradients(const AttentionGradientProblem& problem, const Tensor& keys,
                    const Tensor& values, const std::vector<QueryBlock>& blocks,
                    const std::vector<KeyChunk>& chunks, std::vector<PartialGradients>& partials) {
  const auto units = static_cast<std::int64_t>(chunks.size()) * problem.groups;
  with_products(problem, [&]<class Level>(const AttentionProducts<Level>& products) {
    const BackwardOperands<Level> operands(products, problem, keys, values, blocks);
    parallel_for(units, 1, [&](std::int64_t unit, std::int64_t) {
      const auto chunk = static_cast<std::size_t>(unit / problem.groups);
      BackwardUnit<Level>(problem, operands, blocks, chunks[chunk], unit % problem.groups,
                          partials[chunk])
          .run();
    });
  });
}

}  // namespace

AttentionGradients attention_backward(const Tensor& d_output, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const AttentionResult& forward,
                                      const Visibility& visibility, ScoreForm form,
                                      const RelativeBias& bias) {
  const Tensor queries = padded(q), keys = padded(k), values = padded(v), dy = padded(d_output);
  const Tensor mean = row_products(dy, padded(forward.output));
  Tensor d_key = Tensor::zeros(keys.shape()), d_value = Tensor::zeros(keys.shape());
  AttentionGradientProblem problem(queries, keys.size(1), visibility, form, bias);
  problem.d_output = dy.data<float>();
  problem.log_sum_exp = forward.log_sum_exp.data<float>();
  problem.mean = mean.data<float>();
  problem.d_key = d_key.data<float>();
  problem.d_value = d_value.data<float>();

  const bool by_amx = attends_texts_by_amx(problem);
  const std::vector<QueryBlock> blocks =
      query_blocks(visibility, by_amx ? kTextTile : problem.queries_per_block());
  const std::vector<KeyChunk> chunks = key_chunks(blocks, visibility.key_rows);
  std::vector<PartialGradients> partials;
  for (const KeyChunk& chunk : chunks) {
    partials.push_back(partial_gradients(chunk, blocks, queries, bias));
  }
  if (by_amx) {
    std::vector<PartialGradient> d_queries;
    for (const PartialGradients& partial : partials) d_queries.push_back(partial.query);
    form_text_gradients_by_amx(problem, keys, values, blocks, chunks, d_queries);
  } else {
    form_gradients(problem, keys, values, blocks, chunks, partials);
  }
  const Tensor d_query = sum_of_chunks(partials, &PartialGradients::query, queries);
  const std::int64_t width = q.size(2);
  return {without_padding(d_query, width), without_padding(d_key, width),
          without_padding(d_value, width),
          sum_of_chunks(partials, &PartialGradients::by_query, bias.by_query),
          sum_of_chunks(partials, &PartialGradients::by_key, bias.by_key)};
}

}  // namespace bantam::cpu
