#include "bantam/tensor/ops/rope.h"

#include <cmath>

#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {

std::vector<double> rope_frequencies(int head_width, double theta) {
  std::vector<double> frequencies(static_cast<std::size_t>(head_width / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / head_width);
  }
  return frequencies;
}

RopeTable rope_table(const Tensor& positions, std::span<const double> frequencies,
                     double magnitude) {
  if (positions.rank() != 1 || positions.dtype() != DType::i32) {
    throw input_error("rope_table: expected positions [T] i32, found {} {}",
                      positions.shape().text(), info(positions.dtype()).name);
  }
  const Tensor dense = contiguous(positions);
  const auto width = static_cast<std::int64_t>(frequencies.size());
  RopeTable table{Tensor::empty({dense.count(), width}), Tensor::empty({dense.count(), width})};
  const std::int32_t* position = dense.data<std::int32_t>();
  float* cosine = table.cosine.data<float>();
  float* sine = table.sine.data<float>();
  for (std::int64_t t = 0; t < dense.count(); ++t) {
    for (std::int64_t i = 0; i < width; ++i) {
      const double angle = position[t] * frequencies[static_cast<std::size_t>(i)];
      cosine[t * width + i] = static_cast<float>(std::cos(angle) * magnitude);
      sine[t * width + i] = static_cast<float>(std::sin(angle) * magnitude);
    }
  }
  return table;
}

Tensor rope_composed(const Tensor& x, const RopeTable& table, bool interleaved) {
  const std::int64_t tokens = x.size(0), heads = x.size(1), width = x.size(2);
  const std::int64_t pairs = table.cosine.size(1);
  const Shape angles = interleaved ? Shape{tokens, 1, pairs, 1} : Shape{tokens, 1, pairs};
  const Tensor cosine = cast(reshape(table.cosine, angles), x.dtype());
  const Tensor sine = cast(reshape(table.sine, angles), x.dtype());
  Tensor rotating = slice(x, 2, 0, 2 * pairs);
  if (interleaved) rotating = reshape(rotating, {tokens, heads, pairs, 2});
  const int axis = interleaved ? 3 : 2;
  const std::int64_t middle = interleaved ? 1 : pairs;
  const Tensor first = slice(rotating, axis, 0, middle);
  const Tensor second = slice(rotating, axis, middle, 2 * middle);
  const Tensor turned[] = {subtract(multiply(first, cosine), multiply(second, sine)),
                           add(multiply(first, sine), multiply(second, cosine))};
  Tensor y = concatenate(turned, axis);
  if (interleaved) y = reshape(y, {tokens, heads, 2 * pairs});
  if (2 * pairs == width) return y;
  const Tensor parts[] = {y, slice(x, 2, 2 * pairs, width)};
  return concatenate(parts, 2);
}

Tensor rope(const Tensor& x, const RopeTable& angles, bool interleaved) {
  const bool defined = angles.cosine.defined() && angles.sine.defined();
  if (!defined || x.rank() != 3 || angles.cosine.rank() != 2 ||
      !(angles.cosine.shape() == angles.sine.shape()) || angles.cosine.size(0) != x.size(0) ||
      2 * angles.cosine.size(1) > x.size(2)) {
    throw input_error(
        "rope: expected x [T, H, E] and two tables [T, at most E / 2], found {}, {} and {}",
        x.shape().text(), defined ? angles.cosine.shape().text() : "none",
        defined ? angles.sine.shape().text() : "none");
  }
  const Tensor input = contiguous(x);
  const RopeTable table{contiguous(angles.cosine), contiguous(angles.sine)};
  if (backend(input).rope == nullptr) return rope_composed(input, table, interleaved);
  return record("rope", {input}, backend(input).rope(input, table, interleaved, 1),
                [table, interleaved](const Tensor& dy) {
                  // A rotation's transpose is the rotation back.
                  const Tensor dense = contiguous(dy);
                  return Gradients{backend(dense).rope(dense, table, interleaved, -1)};
                });
}

}  // namespace bantam
