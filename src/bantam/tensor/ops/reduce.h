// Reductions over one axis or all elements. Sums run in chunks of fixed size along a fixed tree, so
// the number of threads does not change a bit of the result; f32 sums accumulate in f32 over chunks
// of 256, chunks in f64.
#pragma once

#include <cstdint>
#include <span>

#include "bantam/tensor/tensor.h"

namespace bantam {

Tensor sum(const Tensor& x);  ///< -> []
Tensor sum(const Tensor& x, int axis, bool keep_axis = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, int axis, bool keep_axis = false);
Tensor max(const Tensor& x, int axis, bool keep_axis = false);  ///< gradient to the first maximum
Tensor argmax(const Tensor& x, int axis);  ///< i32, no gradient; lowest index wins ties
/// Sums x over the axes that broadcasting stretched, back to `shape`: the gradient of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// Square root of the sum of squares over all elements, accumulated in f64; no gradient.
double l2_norm(const Tensor& x);
bool all_finite(const Tensor& x);

// Of one row in memory, on the calling thread.
bool all_finite(std::span<const float> row);
/// Place of the largest value, the first of equals. Values must not be NaN, nor the row empty.
std::int64_t argmax(std::span<const float> row);

}  // namespace bantam
