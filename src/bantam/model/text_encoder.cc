#include "bantam/model/text_encoder.h"

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

Tensor pooled_text(const Tensor& states, Pooling pooling) {
  const std::int64_t tokens = states.size(0);
  switch (pooling) {
    case Pooling::mean:
      return mean(states, 0, true);
    case Pooling::first:
      return slice(states, 0, 0, 1);
    case Pooling::last:
      return slice(states, 0, tokens - 1, tokens);
    case Pooling::max:
      return max(states, 0, true);
  }
  throw internal_error("pooling {}", static_cast<int>(pooling));
}

}  // namespace

Tensor TextEncoder::pooled(const Tensor& hidden, std::span<const std::int64_t> lengths,
                           Pooling pooling, bool normalize) {
  std::vector<Tensor> rows;
  std::int64_t begin = 0;
  for (const std::int64_t length : lengths) {
    if (length < 1) throw input_error("a text of no tokens has no vector");
    rows.push_back(pooled_text(slice(hidden, 0, begin, begin + length), pooling));
    begin += length;
  }
  const Tensor vectors = concatenate(rows, 0);
  return normalize ? unit_rows(vectors) : vectors;
}

Tensor unit_rows(const Tensor& x) {
  constexpr double kLeast = 1e-24;  // the square of the length that a row of zeros gets
  const Tensor squares = sum(square(x), 1, true);
  return multiply(x, reciprocal_sqrt(add_scalar(squares, kLeast)));
}

Batch make_encoder_batch(std::span<const std::vector<std::int32_t>> texts,
                         std::span<const std::vector<std::int32_t>> types) {
  Batch batch;
  std::vector<std::int64_t> lengths;
  for (const auto& text : texts) {
    batch.tokens.insert(batch.tokens.end(), text.begin(), text.end());
    lengths.push_back(std::ssize(text));
  }
  for (const auto& of_text : types) {
    batch.types.insert(batch.types.end(), of_text.begin(), of_text.end());
  }
  if (!batch.types.empty() && batch.types.size() != batch.tokens.size()) {
    throw input_error("encoder: {} token types for {} tokens", batch.types.size(),
                      batch.tokens.size());
  }
  batch.plan = AttentionPlan::whole(lengths);
  return batch;
}

}  // namespace bantam
