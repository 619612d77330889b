#include "bantam/tensor/ops/matmul.h"

#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/operands.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

// A matrix as gemm takes it: contiguous memory, perhaps to be read transposed.
struct Operand {
  Tensor matrix;
  bool transpose;
};

Operand operand(const Tensor& x, bool transpose_it) {
  if (x.is_contiguous()) return {x.stop_gradient(), transpose_it};
  const Tensor turned = transpose(x.stop_gradient(), 0, 1);
  if (turned.is_contiguous()) return {turned, !transpose_it};
  return {dense(x), transpose_it};
}

Tensor multiply_matrices(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const Operand left = operand(a, transpose_a), right = operand(b, transpose_b);
  return backend(a).gemm(left.matrix, left.transpose, right.matrix, right.transpose);
}

// Product of the last two axes, one gemm for each index of the leading ones.
Tensor product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  if (a.rank() == 2) return multiply_matrices(a, transpose_a, b, transpose_b);
  const std::int64_t rows = a.size(transpose_a ? -1 : -2), columns = b.size(transpose_b ? -2 : -1);
  Shape shape = a.shape();
  shape.set(-2, rows);
  shape.set(-1, columns);
  Tensor y = Tensor::empty(shape, a.dtype());
  if (y.count() == 0) return y;
  const Tensor flat_a = reshape(a.stop_gradient(), {-1, a.size(-2), a.size(-1)});
  const Tensor flat_b = reshape(b.stop_gradient(), {-1, b.size(-2), b.size(-1)});
  Tensor flat_y = reshape(y, {-1, rows, columns});
  for (std::int64_t i = 0; i < flat_a.size(0); ++i) {
    const auto matrix = [i](const Tensor& x) {
      return reshape(slice(x, 0, i, i + 1), {x.size(1), x.size(2)});
    };
    matrix(flat_y).copy_from(
        multiply_matrices(matrix(flat_a), transpose_a, matrix(flat_b), transpose_b));
  }
  return y;
}

void require_product(const Tensor& a, const Tensor& b) {
  require_same_type("matmul", a, b);
  bool fits = a.rank() >= 2 && a.rank() == b.rank() && a.size(-1) == b.size(-2);
  for (int axis = 0; fits && axis < a.rank() - 2; ++axis) fits = a.size(axis) == b.size(axis);
  if (!fits) {
    throw input_error(
        "matmul: expected [.., m, k] and [.., k, n] with equal leading axes, found {} and {}",
        a.shape().text(), b.shape().text());
  }
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  require_product(a, b);
  return record("matmul", {a, b}, product(a, false, b, false), [a, b](const Tensor& dy) {
    return Gradients{a.wants_gradient() ? product(dy, false, b, true) : Tensor(),
                     b.wants_gradient() ? product(a, true, dy, false) : Tensor()};
  });
}

}  // namespace bantam
