// Attention over whole texts (ops/attention.h) by AMX, forward and backward: queries, keys, values,
// weights and gradients are rounded to bf16, sums and the exponential stay f32. 64 queries of a
// head meet 64 keys at a time, whose scores stay in the caches.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/tensor/cpu/amx_text_weights.h"
#include "bantam/tensor/cpu/attention_gradients.h"
#include "bantam/tensor/cpu/attention_plan.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// True where attention_precision() and the problem allow it: no bias, no cap.
bool attends_texts_by_amx(const AttentionProblem& problem);

/// Fills out [T, H, E] and log_sum_exp [T, H] for the queries of blocks of at most kTextTile, of
/// keys and values [S, G, E].
void attend_texts_by_amx(const AttentionProblem& problem, const Tensor& keys, const Tensor& values,
                         const std::vector<QueryBlock>& blocks, float* out, float* log_sum_exp);

/// Writes the gradients of keys and values to the problem, and those of queries to the rows of each
/// chunk.
void form_text_gradients_by_amx(const AttentionGradientProblem& problem, const Tensor& keys,
                                const Tensor& values, const std::vector<QueryBlock>& blocks,
                                const std::vector<KeyChunk>& chunks,
                                std::vector<PartialGradient>& d_queries);

}  // namespace bantam::cpu
