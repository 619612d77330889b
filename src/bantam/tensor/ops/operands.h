// What ops ask of their operands: element type, axis, layout. Each check throws Error(input) naming
// the op and what it found.
#pragma once

#include <string_view>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// Gradients exist in f32 and f64 only; 16-bit and quantized tensors are cast or dequantized first.
inline void require_float(std::string_view op, const Tensor& x) {
  if (x.dtype() == DType::f32 || x.dtype() == DType::f64) return;
  throw input_error("{}: expected f32 or f64, found {} {}; cast() it first", op, x.shape().text(),
                    info(x.dtype()).name);
}

inline void require_same_type(std::string_view op, const Tensor& a, const Tensor& b) {
  require_float(op, a);
  if (a.dtype() == b.dtype()) return;
  throw input_error("{}: {} {} and {} {} differ in type; cast() one of them", op, a.shape().text(),
                    info(a.dtype()).name, b.shape().text(), info(b.dtype()).name);
}

/// Indices are i32 and one-dimensional.
inline void require_indices(std::string_view op, const Tensor& indices) {
  if (indices.dtype() == DType::i32 && indices.rank() == 1) return;
  throw input_error("{}: expected a list of i32 indices, found {} {}", op, indices.shape().text(),
                    info(indices.dtype()).name);
}

/// `axis` counted from the front; negative ones count from the back.
inline int resolve_axis(std::string_view op, const Tensor& x, int axis) {
  const int resolved = axis < 0 ? axis + x.rank() : axis;
  if (resolved >= 0 && resolved < x.rank()) return resolved;
  throw input_error("{}: axis {} does not exist in {}", op, axis, x.shape().text());
}

/// The values of x in row-major order, as a constant: x itself when it is contiguous, else a copy.
Tensor dense(const Tensor& x);

/// Calls body<float>() or body<double>(), whichever is the element type of a tensor that
/// require_float() has seen.
template <class Body>
decltype(auto) with_float(DType dtype, Body&& body) {
  if (dtype == DType::f64) return body.template operator()<double>();
  return body.template operator()<float>();
}

}  // namespace bantam
