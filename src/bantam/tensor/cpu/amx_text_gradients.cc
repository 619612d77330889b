#include <algorithm>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_text_attention.h"
#include "bantam/tensor/cpu/amx_text_tiles.h"
#include "bantam/tensor/cpu/scratch.h"

namespace bantam::cpu {
namespace {

// Queries or gradients of outputs x [T, H, E] of every block and head as rows of products, along
// features [4 blocks of queries][W / 32 tiles] and along queries [W / 16 blocks][their groups], W
// being text_width(E).
class TextRowTiles {
 public:
  TextRowTiles(const AttentionProblem& problem, const float* x,
               const std::vector<QueryBlock>& blocks)
      : heads_(problem.heads),
        size_(kTextTile * text_width(problem.width)),
        memory_(Tensor::empty({2, std::ssize(blocks) * heads_, size_}, DType::bf16)),
        along_features_(memory_.data<std::uint16_t>()),
        along_queries_(along_features_ + std::ssize(blocks) * heads_ * size_) {
    const std::int64_t width = problem.width, stride = heads_ * width;
    parallel_for(std::ssize(blocks) * heads_, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const QueryBlock& block = blocks[static_cast<std::size_t>(i / heads_)];
        const TextQueries queries(block);
        const float* const from = x + (block.begin * heads_ + i % heads_) * width;
        pack_rows({from, queries.count, width, stride, true},
                  {queries.count, amx_pairs(width), along_features_ + i * size_}, 0, 0);
        pack_rows({from, width, queries.count, stride, false},
                  {width, queries.groups, along_queries_ + i * size_}, 0, 0);
      }
    });
  }

  const std::uint16_t* along_features(std::size_t block, std::int64_t head) const {
    return along_features_ + at(block, head);
  }
  const std::uint16_t* along_queries(std::size_t block, std::int64_t head) const {
    return along_queries_ + at(block, head);
  }

 private:
  std::int64_t at(std::size_t block, std::int64_t head) const {
    return (static_cast<std::int64_t>(block) * heads_ + head) * size_;
  }

  std::int64_t heads_, size_;
  Tensor memory_;
  std::uint16_t *along_features_, *along_queries_;
};

// All that products read, made once for all units.
struct TextOperands {
  TextOperands(const AttentionGradientProblem& problem, const Tensor& keys, const Tensor& values,
               const std::vector<QueryBlock>& blocks)
      : blocks(blocks),
        keys(keys, TextColumns::Along::features),
        keys_along_rows(keys, TextColumns::Along::rows),
        values(values, TextColumns::Along::features),
        queries(problem, problem.q, blocks),
        d_outputs(problem, problem.d_output, blocks) {}

  const std::vector<QueryBlock>& blocks;
  TextColumns keys, keys_along_rows, values;
  TextRowTiles queries, d_outputs;
};

// Memory that a thread works in.
struct GradientScratch {
  Scratch dots, tiles, d_query, d_columns;

  static GradientScratch& of_thread() {
    thread_local GradientScratch scratch;
    return scratch;
  }
};

// The gradients that one head group and one chunk of keys contribute.
class TextGradientUnit {
 public:
  TextGradientUnit(const AttentionGradientProblem& problem, const TextOperands& operands,
                   const KeyChunk& chunk, std::int64_t group, PartialGradient& d_query)
      : problem_(problem),
        operands_(operands),
        chunk_(chunk),
        group_(group),
        width_(text_width(problem.width)),
        columns_((chunk.end - chunk.begin + kTextTile - 1) / kTextTile * kTextTile),
        d_query_rows_(d_query.rows.data<float>()) {
    constexpr std::int64_t kScores = kTextTile * kTextTile;
    GradientScratch& scratch = GradientScratch::of_thread();
    dots_ = scratch.dots.at_least<float>(2 * kScores), d_weights_ = dots_ + kScores;
    weights_ = scratch.tiles.at_least<std::uint16_t>(3 * kScores);
    d_scores_ = weights_ + kScores, d_score_rows_ = d_scores_ + kScores;
    d_query_ = scratch.d_query.at_least<float>(kTextTile * width_);
    const std::int64_t of_columns = columns_ * width_;
    d_key_ = scratch.d_columns.at_least<float>(2 * of_columns), d_value_ = d_key_ + of_columns;
    std::fill_n(d_key_, 2 * of_columns, 0.0f);
  }

  void run() {
    const std::int64_t first_head = group_ * problem_.per_group;
    for (const std::size_t number : chunk_.blocks) {
      const SeenTiles seen(problem_.visibility, operands_.blocks[number], chunk_.begin, chunk_.end);
      for (std::int64_t head = first_head; head < first_head + problem_.per_group; ++head) {
        add_head(number, head, seen);
      }
    }
    turn(d_key_, problem_.d_key);
    turn(d_value_, problem_.d_value);
  }

 private:
  void add_head(std::size_t number, std::int64_t head, const SeenTiles& seen) {
    const QueryBlock& block = operands_.blocks[number];
    const TextQueries queries(block);
    for (int i = 0; i < kTextTile; ++i) {
      const bool is_there = i < queries.count;
      const std::int64_t at = (block.begin + i) * problem_.heads + head;
      log_sum_exp_[i] = is_there ? problem_.log_sum_exp[at] : 0;
      mean_[i] = is_there ? problem_.mean[at] : 0;
    }
    const int of_width = static_cast<int>(width_) / kAmxDepth;
    bool first = true;
    for (const auto& [tile, of_tile] : seen.tiles()) {
      multiply_text(amx_, {operands_.queries.along_features(number, head), queries.groups},
                    {operands_.keys.tile(group_, tile), kTextGroups}, of_width, false, dots_,
                    kTextTile);
      multiply_text(amx_, {operands_.d_outputs.along_features(number, head), queries.groups},
                    {operands_.values.tile(group_, tile), kTextGroups}, of_width, false, d_weights_,
                    kTextTile);
      kernels_.gradients({dots_, queries.rows(), of_tile, problem_.form.scale},
                         {d_weights_, log_sum_exp_, mean_}, weights_, d_scores_, d_score_rows_);
      multiply_text(amx_, {d_score_rows_, queries.groups},
                    {operands_.keys_along_rows.tile(group_, tile), of_width}, kTextGroups, !first,
                    d_query_, width_);
      const std::int64_t column = std::int64_t{tile} * kTextTile - chunk_.begin;
      multiply_text(amx_, {operands_.d_outputs.along_queries(number, head), of_width},
                    {weights_, kTextGroups}, queries.groups, true, d_value_ + column, columns_);
      multiply_text(amx_, {operands_.queries.along_queries(number, head), of_width},
                    {d_scores_, kTextGroups}, queries.groups, true, d_key_ + column, columns_);
      first = false;
    }
    if (first) std::fill_n(d_query_, kTextTile * width_, 0.0f);
    for (int i = 0; i < queries.count; ++i) {
      const std::int64_t row = (block.begin + i - chunk_.first_query) * problem_.heads + head;
      std::copy_n(d_query_ + i * width_, problem_.width, d_query_rows_ + row * problem_.width);
    }
  }

  // Gradients of the chunk's rows, of which `columns` [features][keys] has the columns.
  void turn(const float* columns, float* gradients) const {
    const std::int64_t width = problem_.width, keys = chunk_.end - chunk_.begin;
    for (std::int64_t key = 0; key < keys; ++key) {
      float* const row = gradients + ((chunk_.begin + key) * problem_.groups + group_) * width;
      for (std::int64_t e = 0; e < width; ++e) row[e] = columns[e * columns_ + key];
    }
  }

  const AmxThread amx_;
  const AmxTextKernels& kernels_ = amx_text_kernels();
  const AttentionGradientProblem& problem_;
  const TextOperands& operands_;
  const KeyChunk& chunk_;
  std::int64_t group_, width_, columns_;
  float* d_query_rows_;  // from the chunk's first query on
  float *dots_, *d_weights_, *d_query_;
  float *d_key_, *d_value_;  // [width_][columns_]
  std::uint16_t *weights_, *d_scores_, *d_score_rows_;
  float log_sum_exp_[kTextTile], mean_[kTextTile];  // of the head and block at hand
};

}  // namespace

void form_text_gradients_by_amx(const AttentionGradientProblem& problem, const Tensor& keys,
                                const Tensor& values, const std::vector<QueryBlock>& blocks,
                                const std::vector<KeyChunk>& chunks,
                                std::vector<PartialGradient>& d_queries) {
  const TextOperands operands(problem, keys, values, blocks);
  parallel_for(std::ssize(chunks) * problem.groups, 1, [&](std::int64_t unit, std::int64_t) {
    const auto chunk = static_cast<std::size_t>(unit / problem.groups);
    TextGradientUnit(problem, operands, chunks[chunk], unit % problem.groups, d_queries[chunk])
        .run();
  });
}

}  // namespace bantam::cpu
