// A text encoder: a transformer whose tokens see all of their own text, and what it makes of a
// whole text.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bantam/model/transformer.h"

namespace bantam {

/// How the states of a text's tokens become one vector.
enum class Pooling { mean, first, last, max };

class TextEncoder : public Transformer {
 public:
  using Transformer::Transformer;

  /// States of all tokens of a batch, [T, D], to one vector for each text of `lengths` tokens: [n,
  /// D]. A text of no tokens is Error(input). With `normalize`, vectors of length 1.
  static Tensor pooled(const Tensor& hidden, std::span<const std::int64_t> lengths, Pooling pooling,
                       bool normalize);
};

/// Rows of x [n, D] at length 1; a row of zeros stays one.
Tensor unit_rows(const Tensor& x);

/// Whole texts, each token seeing all of its own. `types`, if any, are one a token (0: first text
/// of a pair, 1: second).
Batch make_encoder_batch(std::span<const std::vector<std::int32_t>> texts,
                         std::span<const std::vector<std::int32_t>> types = {});

}  // namespace bantam
