// New tokens through the model and the store: the one step that decoding, beams and scoring share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bantam/model/causal_lm.h"
#include "bantam/nn/kv_store.h"

namespace bantam {

/// Final hidden states [T, D] of the tokens of `step`; their keys and values are in the store
/// afterwards. Nothing is recorded on a tape; activations are rounded as `rounding` says.
/// With a source, every token sees all of it.
Tensor forward_cached(const CausalLM& model, KvStore& store, KvStore::Step step,
                      std::vector<std::int32_t> tokens, Rounding rounding,
                      std::shared_ptr<const Source> source = nullptr);

/// Runs of tokens of a prompt that are read together are passages (Rounding), in pieces of whole
/// runs; where a piece ends does not change a bit. What is left at the end is one too, or is read
/// token by token where that is faster. So what a prompt gives does not depend on how much of it is
/// read at a time, nor on what is read beside it.
constexpr std::int64_t kPassageRun = 64;
/// How many of `count` tokens of a prompt, which has `pending` from these on, are read as a
/// passage; the others follow. `count` is `pending` or a multiple of kPassageRun.
std::int64_t passage_tokens(std::int64_t count, std::int64_t pending);

/// Logits [n, V] f32 of chosen rows of hidden states: the head is the widest linear, so only rows
/// that are read go through it.
Tensor logits_of_rows(const CausalLM& model, const Tensor& hidden,
                      std::span<const std::int32_t> rows);

/// Appends the tokens of `more`, another step of the same store, to `step`.
void append_step(KvStore::Step& step, const KvStore::Step& more);

/// How many tokens both begin with.
std::size_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

}  // namespace bantam
