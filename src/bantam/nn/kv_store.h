// Keys and values of past tokens. Sequences are lists of row ranges in one shared store, so
// branching shares the past without copying, rolling back is cutting a list, and attention reads
// the rows where they lie.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "bantam/nn/attention_plan.h"
#include "bantam/tensor/ops/paged_attention.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

struct KvShape {
  int layers = 0;
  std::int64_t kv_heads = 0, head_width = 0;
  std::vector<std::int64_t> layer_kv_heads = {};  ///< of each layer, where they differ
  /// f32 or f16 (CausalLM::kv_shape() chooses): what keys and values are rounded to.
  DType dtype = DType::f32;
  std::int64_t heads_of(int layer) const {
    return layer_kv_heads.empty() ? kv_heads : layer_kv_heads[static_cast<std::size_t>(layer)];
  }
  std::int64_t heads() const;  ///< of all layers
  /// Bytes that one token takes over all layers.
  std::uint64_t bytes_per_token() const;
};

class KvStore {
 public:
  using Sequence = std::int32_t;
  static constexpr std::int64_t kPageRows = bantam::kPageRows;

  /// Room for `max_tokens` tokens over all sequences (rounded up to pages); memory grows as it is
  /// used.
  KvStore(const KvShape& shape, std::int64_t max_tokens);
  KvStore(const KvStore&) = delete;  // copies would write to the same memory
  KvStore& operator=(const KvStore&) = delete;

  Sequence new_sequence();
  /// A sequence with the same past. Neither copies rows nor touches `of`.
  Sequence branch(Sequence of);
  void release(Sequence sequence);
  /// Rolls a sequence back to its first `length` tokens.
  void truncate(Sequence sequence, std::int64_t length);
  std::int64_t length(Sequence sequence) const;
  /// Tokens that can still be added, were they all in one sequence.
  std::int64_t free_tokens() const;

  struct Append {
    Sequence sequence;
    std::int64_t count;
    /// Tokens of the sequence that are known already, when there are more than these: a text that
    /// is read in pieces. What depends on the length of a text (RopePart) goes by it.
    std::int64_t known = 0;
  };
  struct Step {
    /// The new tokens of all appends, end to end; what each sees in the order of its tokens, for
    /// paged_attention().
    AttentionPlan plan;
    std::vector<std::int32_t> rows;  ///< where each new token's keys and values go
  };
  /// Makes room for new tokens: each will see its sequence's past, the new tokens before it, and
  /// itself (at most the last `window` of them when window > 0). Throws Error(resources) naming
  /// needed and free tokens; then nothing has changed.
  Step extend(std::span<const Append> appends, std::int64_t window = 0);
  /// New tokens that continue one sequence as a tree (see AttentionPlan::tree). They take rows of
  /// the sequence in order; truncate() afterwards takes them back. `known`: as of an Append.
  Step extend_tree(Sequence sequence, std::span<const std::int32_t> parents,
                   std::int64_t known = 0);

  /// Stores keys and values [T, G, E] of one layer in `rows`.
  void write(int layer, std::span<const std::int32_t> rows, const Tensor& keys,
             const Tensor& values);
  /// Keys and values of one layer, as paged_attention() reads them.
  const Tensor& pages(int layer) const { return layers_[layer]; }
  Tensor& pages(int layer) { return layers_[layer]; }
  const KvShape& shape() const { return shape_; }

 private:
  struct Page {
    std::int32_t users = 0;  ///< sequences that hold a range of it
    std::int32_t used = 0;   ///< rows handed out so far
  };
  using Past =
      std::vector<KeyRange>;  ///< in order of tokens; a range never crosses a page unless merged

  KvShape shape_;
  std::int64_t max_pages_;
  std::vector<Page> pages_;
  std::vector<std::int32_t> free_pages_;  ///< lowest page last
  std::map<Sequence, Past> sequences_;
  Sequence next_sequence_ = 0;
  Tensor memory_;               ///< pages with the heads of all layers
  std::vector<Tensor> layers_;  ///< slices of it

  Past& past(Sequence sequence);
  const Past& past(Sequence sequence) const;
  std::int32_t take_row(Past& past);
  void add_users(const Past& past, int change);
  void grow(std::int64_t pages);
  /// Pages that `count` more tokens take. `claimed` holds pages whose last rows an earlier append
  /// of the same step takes: of two branches that share a page, only the first goes on in it.
  std::int64_t pages_needed(const Past& past, std::int64_t count,
                            std::set<std::int32_t>& claimed) const;
};

}  // namespace bantam
