#include "bantam/tensor/ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/cpu/loops.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/operands.h"
#include "bantam/tensor/ops/reduce.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

void require_row(const char* op, const Tensor& x) {
  require_float(op, x);
  if (x.rank() == 0) throw input_error("{}: expected at least one axis, found []", op);
}

// f of each value of a contiguous x, as a constant.
template <class F>
Tensor mapped(const Tensor& x, F f) {
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  with_float(x.dtype(), [&]<class T>() {
    cpu::for_each_element<T>(x.data<T>(), result.data<T>(), x.count(), f);
  });
  return result;
}

// dx = dy - softmax Σ dy; a row of only -infinity has none.
template <class T>
void log_softmax_backward_row(const T* y, const T* dy, std::int64_t width, T* dx) {
  double total = 0;
  bool is_masked = true;
  for (std::int64_t i = 0; i < width; ++i) {
    total += dy[i];
    is_masked = is_masked && y[i] == -INFINITY;
    dx[i] = y[i];
  }
  if (is_masked) {
    std::fill(dx, dx + width, T{0});
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    cpu::exp_row(dx, dx, width);
  } else {
    for (std::int64_t i = 0; i < width; ++i) dx[i] = std::exp(dx[i]);
  }
  for (std::int64_t i = 0; i < width; ++i) dx[i] = dy[i] - dx[i] * static_cast<T>(total);
}

}  // namespace

Tensor softmax(const Tensor& x) {
  require_row("softmax", x);
  const Backend& device = backend(x);
  if (x.dtype() != DType::f32 || device.softmax == nullptr || device.softmax_backward == nullptr) {
    return softmax_composed(x);
  }
  const Tensor y = device.softmax(dense(x));
  return record("softmax", {x}, y, [y](const Tensor& dy) {
    return Gradients{backend(y).softmax_backward(y, dense(dy))};
  });
}

Tensor softmax_composed(const Tensor& x) {
  require_row("softmax", x);
  if (x.size(-1) == 0) return scale(x, 1);
  // Shift and divisor of a fully masked row are replaced, so that it becomes 0 / 1 instead of NaN.
  const Tensor shift = mapped(max(x.stop_gradient(), -1, true),
                              []<class T>(T value) { return value == -INFINITY ? T{0} : value; });
  const Tensor e = exp(subtract(x, shift));
  const Tensor total = sum(e, -1, true);
  const Tensor one_if_masked = mapped(total, []<class T>(T value) { return T(value == 0); });
  return divide(e, add(total, one_if_masked));
}

Tensor log_softmax(const Tensor& x) {
  require_row("log_softmax", x);
  const Tensor source = dense(x);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  with_float(x.dtype(), [&]<class T>() {
    const T* in = source.data<T>();
    T* out = y.data<T>();
    cpu::for_each_row(y.shape(), [=](std::int64_t first, std::int64_t width) {
      const double shift = cpu::log_sum_exp_row(in + first, width);
      for (std::int64_t i = first; i < first + width; ++i) {
        // -infinity minus -infinity would be NaN.
        out[i] = in[i] == -INFINITY ? in[i] : static_cast<T>(in[i] - shift);
      }
    });
  });
  return record("log_softmax", {x}, y, [y](const Tensor& dy) {
    Tensor dx = Tensor::empty(y.shape(), y.dtype());
    const Tensor gradient = dense(dy);
    with_float(y.dtype(), [&]<class T>() {
      const T *values = y.data<T>(), *g = gradient.data<T>();
      T* out = dx.data<T>();
      cpu::for_each_row(y.shape(), [=](std::int64_t first, std::int64_t width) {
        log_softmax_backward_row(values + first, g + first, width, out + first);
      });
    });
    return Gradients{dx};
  });
}

}  // namespace bantam
