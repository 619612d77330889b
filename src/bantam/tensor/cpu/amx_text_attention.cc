#include "bantam/tensor/cpu/amx_text_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/scratch.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Memory that a thread works in.
struct TextScratch {
  Scratch queries, dots, weights, rows;

  static TextScratch& of_thread() {
    thread_local TextScratch scratch;
    return scratch;
  }
};

// A block of queries, head by head.
class TextBlock {
 public:
  TextBlock(const AttentionProblem& problem, const TextColumns& keys, const TextColumns& values,
            const QueryBlock& block)
      : problem_(problem),
        keys_(keys),
        values_(values),
        block_(block),
        queries_(block),
        seen_(problem.visibility, block, 0, problem.visibility.key_rows) {
    TextScratch& scratch = TextScratch::of_thread();
    const std::int64_t width = text_width(problem.width), of_block = kTextTile * width;
    packed_ = scratch.queries.at_least<std::uint16_t>(of_block);
    dots_ = scratch.dots.at_least<float>(kTextTile * kTextTile);
    weights_ = scratch.weights.at_least<std::uint16_t>(kTextTile * kTextTile);
    constexpr std::int64_t kOfRow = 1 + kAmxRows;  // a maximum and parts of a sum
    float* const rows = scratch.rows.at_least<float>(of_block + kTextTile * kOfRow);
    rows_ = {rows, rows + of_block, rows + of_block + kTextTile, static_cast<int>(width)};
  }

  void attend(std::int64_t head, float* out, float* log_sum_exp) {
    const int width = problem_.width, pairs = queries_.groups;
    const std::int64_t group = head / problem_.per_group, of_width = rows_.width / kAmxDepth;
    const std::int64_t first = block_.begin * problem_.heads + head;
    pack_rows({problem_.q + first * width, queries_.count, width, problem_.heads * width, true},
              {queries_.count, of_width, packed_}, 0, 0);
    std::fill_n(rows_.outputs, kTextTile * rows_.width, 0.0f);
    std::fill_n(rows_.maximum, kTextTile, -kInfinity);
    std::fill_n(rows_.sums, kTextTile * kAmxRows, 0.0f);
    for (const auto& [tile, seen] : seen_.tiles()) {
      multiply_text(amx_, {packed_, pairs}, {keys_.tile(group, tile), kTextGroups}, of_width, false,
                    dots_, kTextTile);
      kernels_.weigh({dots_, queries_.rows(), seen, problem_.form.scale}, rows_, weights_);
      multiply_text(amx_, {weights_, pairs},
                    {values_.tile(group, tile), static_cast<int>(of_width)}, kTextGroups, true,
                    rows_.outputs, rows_.width);
    }
    for (int query = 0; query < queries_.count; ++query) {
      const std::int64_t at = first + query * problem_.heads;
      finish(query, out + at * width, log_sum_exp[at]);
    }
  }

 private:
  void finish(int query, float* out, float& log_sum_exp) const {
    const float* const parts = rows_.sums + query * kAmxRows;
    float sum = 0;
    for (int i = 0; i < kAmxRows; ++i) sum += parts[i];
    const float factor = 1 / sum;
    const float* const outputs = rows_.outputs + query * rows_.width;
    for (int e = 0; e < problem_.width; ++e) out[e] = outputs[e] * factor;
    constexpr float kLogOf2 = 0.69314718f;
    log_sum_exp = rows_.maximum[query] * kLogOf2 + std::log(sum);
  }

  const AmxThread amx_;
  const AmxTextKernels& kernels_ = amx_text_kernels();
  const AttentionProblem& problem_;
  const TextColumns &keys_, &values_;
  const QueryBlock& block_;
  TextQueries queries_;
  SeenTiles seen_;
  std::uint16_t *packed_, *weights_;
  float* dots_;
  TextRows rows_;
};

}  // namespace

bool attends_texts_by_amx(const AttentionProblem& problem) {
  return attention_precision() == MatmulPrecision::bf16 && has_amx() && !problem.bias.present() &&
         !problem.form.capped() && rounding_pays(problem.visibility);
}

TextColumns::TextColumns(const Tensor& x, Along along)
    : tiles_((x.size(0) + kTextTile - 1) / kTextTile),
      of_tile_(kTextTile * text_width(x.size(2))),
      memory_(Tensor::empty({x.size(1) * tiles_, of_tile_}, DType::bf16)),
      columns_(memory_.data<std::uint16_t>()) {
  const std::int64_t rows = x.size(0), groups = x.size(1), width = x.size(2),
                     stride = groups * width, pairs = kTextTile / kAmxPair;
  static_assert(kAmxPair == kAmxDepth);
  parallel_for(groups * tiles_, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* const from = x.data<float>() + i / tiles_ * width;
      const std::int64_t first = i % tiles_ * pairs, last = first + pairs;
      std::uint16_t* const to = columns_ + i * of_tile_;
      if (along == Along::features) {
        pack_panel({from, rows, width, stride, true}, {first, last, 0, amx_pairs(width)}, to);
      } else {
        pack_panel({from, width, rows, stride, false}, {0, amx_pairs(width), first, last}, to);
      }
    }
  });
}

SeenTiles::SeenTiles(const Visibility& visibility, const QueryBlock& block, std::int32_t begin,
                     std::int32_t end) {
  // What all queries see, where each sees one range.
  KeyRange common{0, TextQueries(block).rows() == block.end - block.begin ? end : 0};
  for (std::int32_t query = block.begin; query < block.end; ++query) {
    const std::int32_t first = visibility.first[static_cast<std::size_t>(query)];
    if (visibility.first[static_cast<std::size_t>(query) + 1] != first + 1) common.end = 0;
    const KeyRange& range = visibility.ranges[static_cast<std::size_t>(first)];
    common = {std::max(common.begin, range.begin), std::min(common.end, range.end)};
  }
  std::vector<std::size_t> masks;  // place of those of each tile, none for whole ones
  constexpr std::size_t kWhole = ~std::size_t{0};
  for (const KeyRange& range : block.keys) {
    const std::int32_t from = std::max(begin, range.begin), to = std::min(end, range.end);
    for (std::int32_t key = from / kTextTile * kTextTile; key < to; key += kTextTile) {
      const std::int32_t number = key / kTextTile;
      if (!tiles_.empty() && tiles_.back().number == number) continue;
      tiles_.push_back({number, nullptr});
      const bool whole = common.begin <= key && key + kTextTile <= common.end;
      masks.push_back(whole ? kWhole : seen_.size());
      if (whole) continue;
      seen_.resize(seen_.size() + kTextTile);
      for (std::int32_t query = block.begin; query < block.end; ++query) {
        std::uint64_t& of_query =
            seen_[masks.back() + static_cast<std::size_t>(query - block.begin)];
        for_each_visible(visibility, query, std::max(key, begin), std::min(key + kTextTile, end),
                         [&](std::int32_t low, std::int32_t high) {
                           const std::uint64_t some = ~std::uint64_t{0} >> (64 - (high - low));
                           of_query |= some << (low - key);
                         });
      }
    }
  }
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    if (masks[i] != kWhole) tiles_[i].seen = seen_.data() + masks[i];
  }
}

void multiply_text(const AmxThread& amx, TextFactor x, TextFactor y, std::int64_t tiles,
                   bool accumulate, float* sums, std::int64_t stride) {
  const std::int64_t block = tiles * kAmxTile;
  for (int row = 0; row < x.pairs; ++row) {
    const std::uint16_t* const of_rows = x.blocks + 2 * row * block;
    for (int column = 0; column < y.pairs; ++column) {
      const std::uint16_t* const of_columns = y.blocks + 2 * column * block;
      amx.multiply({{of_rows, of_rows + block}, {of_columns, of_columns + block}, tiles},
                   accumulate, sums + row * kAmxPair * stride + column * kAmxPair, stride);
    }
  }
}

void attend_texts_by_amx(const AttentionProblem& problem, const Tensor& keys, const Tensor& values,
                         const std::vector<QueryBlock>& blocks, float* out, float* log_sum_exp) {
  const TextColumns of_keys(keys, TextColumns::Along::features),
      of_values(values, TextColumns::Along::rows);
  parallel_for(std::ssize(blocks) * problem.groups, 1, [&](std::int64_t unit, std::int64_t) {
    // Late blocks of a causal plan see most keys: they go first, small ones fill the gaps.
    const std::int64_t number = std::ssize(blocks) - 1 - unit / problem.groups;
    TextBlock block(problem, of_keys, of_values, blocks[static_cast<std::size_t>(number)]);
    const std::int64_t first = unit % problem.groups * problem.per_group;
    for (std::int64_t head = first; head < first + problem.per_group; ++head) {
      block.attend(head, out, log_sum_exp);
    }
  });
}

}  // namespace bantam::cpu
