// Views, copies and selections, all differentiable.
#pragma once

#include <span>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// Same elements, another shape; one extent may be -1. Copies only when x is not contiguous.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Swaps two axes (a view).
Tensor transpose(const Tensor& x, int axis_a, int axis_b);
/// x[.., begin:end, ..] along `axis` (a view).
Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end);
Tensor concatenate(std::span<const Tensor> parts, int axis);
/// x itself when contiguous, else a copy.
Tensor contiguous(const Tensor& x);
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// Rows of x [R, ..] by index [n] i32 -> [n, ..]; repeated rows add their gradients. Throws on an
/// index out of range.
Tensor index_rows(const Tensor& x, const Tensor& rows);
/// The element x[r, columns[r]] of each row: x [R, C], columns [R] i32 -> [R].
Tensor pick_columns(const Tensor& x, const Tensor& columns);
/// Conversion between f32, f64, bf16, f16, and from any quantized type to f32. The gradient has x's
/// type.
Tensor cast(const Tensor& x, DType dtype);

}  // namespace bantam
