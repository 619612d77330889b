// What ops do with rows in plain memory, on the calling thread: for the ops' own kernels and for
// those that do several ops at once (decoder_step.cc).
#pragma once

#include <cstdint>
#include <span>

#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"
#include "bantam/tensor/visibility.h"

namespace bantam::cpu {

/// y [width] = x / sqrt(mean(x²) + epsilon) * weight; y may be x. rms_norm.cc
void normalize_row(const float* x, const float* weight, std::int64_t width, float epsilon,
                   float* y);

/// 1 / sqrt(mean(x²) + epsilon).
float inverse_rms(const float* x, std::int64_t width, float epsilon);

/// Angles of one token, [pairs] each.
struct Turn {
  const float *cosine, *sine;
  std::int64_t pairs;
  bool interleaved;
  int direction = 1;
};
/// Turns the heads [heads, width] of one token as Backend::rope says; y may be x. rope.cc
void turn_heads(const float* x, std::int64_t heads, std::int64_t width, const Turn& turn, float* y);

/// out = silu(gate) * up, [count] each. swiglu.cc
void gate_elements(const float* gate, const float* up, std::int64_t count, float* out);

/// Keys and values [T, G, width] of new tokens.
struct NewTokens {
  const float *keys, *values;
  std::int64_t width;
};
/// Stores tokens `begin` … `end` in pages [P, G, 2, kPageRows, W], token i in row rows[i].
/// write_pages.cc
void store_tokens(const NewTokens& tokens, std::span<const std::int32_t> rows, std::int64_t begin,
                  std::int64_t end, Tensor& pages);

/// paged_attention() of q [T, heads, W] into out, which may be q, without a bias; on the team.
/// paged_attention.cc
void attend_pages(const float* q, std::int64_t heads, const Tensor& pages,
                  const Visibility& visibility, ScoreForm form, float* out);

}  // namespace bantam::cpu
