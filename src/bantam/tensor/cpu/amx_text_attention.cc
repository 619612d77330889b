#include "bantam/tensor/cpu/amx_text_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_text_tiles.h"
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
