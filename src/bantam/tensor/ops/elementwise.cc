#include "bantam/tensor/ops/elementwise.h"

#include <cmath>
#include <numbers>

#include "bantam/tensor/cpu/gelu.h"
#include "bantam/tensor/cpu/loops.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/ops/operands.h"
#include "bantam/tensor/ops/reduce.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

template <class F>
Tensor binary(const char* op, const Tensor& a, const Tensor& b, F f) {
  require_same_type(op, a, b);
  Tensor out = Tensor::empty(broadcast_shape(op, a.shape(), b.shape()), a.dtype());
  if (out.count() == 0) return out;
  const cpu::BroadcastAxes axes = cpu::broadcast_axes(out.shape(), a, b);
  with_float(a.dtype(), [&]<class T>() {
    cpu::for_each_pair<T>(axes, a.data<T>(), b.data<T>(), out.data<T>(), f);
  });
  return out;
}

template <class F>
Tensor unary(const char* op, const Tensor& x, F f) {
  require_float(op, x);
  const Tensor source = dense(x);
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  with_float(x.dtype(), [&]<class T>() {
    cpu::for_each_element<T>(source.data<T>(), out.data<T>(), out.count(), f);
  });
  return out;
}

// f32 by rows of vector instructions, f64 (tests and oracles) by the standard library.
template <class F>
Tensor unary_rows(const char* op, const Tensor& x, void (*row)(const float*, float*, std::int64_t),
                  F f) {
  if (x.dtype() != DType::f32) return unary(op, x, f);
  const Tensor source = dense(x);
  Tensor out = Tensor::empty(x.shape());
  const float* values = source.data<float>();
  float* results = out.data<float>();
  parallel_for(out.count(), cpu::kElementsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    row(values + begin, results + begin, end - begin);
  });
  return out;
}

}  // namespace

Tensor dense(const Tensor& x) { return x.is_contiguous() ? x.stop_gradient() : x.clone(); }

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  for (int axis = 1; axis <= shorter.rank(); ++axis) {
    const std::int64_t one = longer[-axis], other = shorter[-axis];
    if (one != other && one != 1 && other != 1) {
      throw input_error("{}: {} and {} do not broadcast: axis -{} is {} and {}", op, a.text(),
                        b.text(), axis, a[-axis], b[-axis]);
    }
    result.set(-axis, one == 1 ? other : one);
  }
  return result;
}

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("add", a, b, [](auto p, auto q) { return p + q; });
  return record("add", {a, b}, y, [sa = a.shape(), sb = b.shape()](const Tensor& dy) {
    return Gradients{sum_to(dy, sa), sum_to(dy, sb)};
  });
}

void add_to(Tensor& total, const Tensor& part) {
  if (!(total.shape() == part.shape()) || total.dtype() != part.dtype() || !total.is_contiguous() ||
      !total.is_sole_owner()) {
    throw internal_error("add_to: {} {} onto {} {}, which must be contiguous and unshared",
                         info(part.dtype()).name, part.shape().text(), info(total.dtype()).name,
                         total.shape().text());
  }
  const Tensor source = dense(part);
  with_float(total.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = total.data<T>();
    parallel_for(total.count(), cpu::kElementsPerChunk, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] += from[i];
    });
  });
}

void scale_by(Tensor& x, double factor) {
  if (!x.is_contiguous() || !x.is_sole_owner()) {
    throw internal_error("scale_by: {} {}, which must be contiguous and unshared",
                         info(x.dtype()).name, x.shape().text());
  }
  with_float(x.dtype(), [&]<class T>() {
    T* values = x.data<T>();
    parallel_for(x.count(), cpu::kElementsPerChunk, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) values[i] *= static_cast<T>(factor);
    });
  });
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("subtract", a, b, [](auto p, auto q) { return p - q; });
  return record("subtract", {a, b}, y, [sa = a.shape(), sb = b.shape()](const Tensor& dy) {
    return Gradients{sum_to(dy, sa), sum_to(negate(dy), sb)};
  });
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("multiply", a, b, [](auto p, auto q) { return p * q; });
  // Each operand is kept only for the gradient of the other.
  return record("multiply", {a, b}, y,
                [sa = a.shape(), sb = b.shape(), a = b.wants_gradient() ? a : Tensor(),
                 b = a.wants_gradient() ? b : Tensor()](const Tensor& dy) {
                  return Gradients{b.defined() ? sum_to(multiply(dy, b), sa) : Tensor(),
                                   a.defined() ? sum_to(multiply(dy, a), sb) : Tensor()};
                });
}

Tensor divide(const Tensor& a, const Tensor& b) {
  const Tensor y = binary("divide", a, b, [](auto p, auto q) { return p / q; });
  return record("divide", {a, b}, y, [a, b, y](const Tensor& dy) {
    // d(a/b)/db = -(a/b)/b
    const Tensor da = divide(dy, b);
    return Gradients{a.wants_gradient() ? sum_to(da, a.shape()) : Tensor(),
                     b.wants_gradient() ? sum_to(negate(multiply(da, y)), b.shape()) : Tensor()};
  });
}

Tensor scale(const Tensor& x, double factor) {
  const Tensor y = unary("scale", x, [factor]<class T>(T v) { return v * static_cast<T>(factor); });
  return record("scale", {x}, y,
                [factor](const Tensor& dy) { return Gradients{scale(dy, factor)}; });
}

Tensor add_scalar(const Tensor& x, double value) {
  const Tensor y =
      unary("add_scalar", x, [value]<class T>(T v) { return v + static_cast<T>(value); });
  return record("add_scalar", {x}, y, [](const Tensor& dy) { return Gradients{dy}; });
}

Tensor negate(const Tensor& x) {
  const Tensor y = unary("negate", x, [](auto v) { return -v; });
  return record("negate", {x}, y, [](const Tensor& dy) { return Gradients{negate(dy)}; });
}

Tensor exp(const Tensor& x) {
  const Tensor y = unary_rows("exp", x, cpu::exp_row, [](auto v) { return std::exp(v); });
  return record("exp", {x}, y, [y](const Tensor& dy) { return Gradients{multiply(dy, y)}; });
}

Tensor log(const Tensor& x) {
  const Tensor y = unary("log", x, [](auto v) { return std::log(v); });
  return record("log", {x}, y, [x](const Tensor& dy) { return Gradients{divide(dy, x)}; });
}

Tensor sqrt(const Tensor& x) {
  const Tensor y = unary("sqrt", x, [](auto v) { return std::sqrt(v); });
  return record("sqrt", {x}, y,
                [y](const Tensor& dy) { return Gradients{divide(scale(dy, 0.5), y)}; });
}

Tensor reciprocal_sqrt(const Tensor& x) {
  const Tensor y =
      unary("reciprocal_sqrt", x, []<class T>(T v) { return static_cast<T>(1) / std::sqrt(v); });
  return record("reciprocal_sqrt", {x}, y, [y](const Tensor& dy) {
    // d x^(-1/2) = -1/2 x^(-3/2)
    return Gradients{binary("reciprocal_sqrt", dy, y, []<class T>(T d, T v) {
      return static_cast<T>(-0.5) * d * v * v * v;
    })};
  });
}

Tensor square(const Tensor& x) {
  const Tensor y = unary("square", x, [](auto v) { return v * v; });
  return record("square", {x}, y, [x](const Tensor& dy) {
    return Gradients{binary("square", dy, x, [](auto d, auto v) { return 2 * d * v; })};
  });
}

Tensor sigmoid(const Tensor& x) {
  const Tensor y = unary_rows("sigmoid", x, cpu::sigmoid_row,
                              []<class T>(T v) { return 1 / (1 + std::exp(-v)); });
  return record("sigmoid", {x}, y, [y](const Tensor& dy) {
    return Gradients{binary("sigmoid", dy, y, [](auto d, auto s) { return d * s * (1 - s); })};
  });
}

Tensor silu(const Tensor& x) {
  const Tensor y =
      unary_rows("silu", x, cpu::silu_row, []<class T>(T v) { return v / (1 + std::exp(-v)); });
  return record("silu", {x}, y, [x](const Tensor& dy) {
    // (x s)' = s + x s (1 - s)
    const Tensor s = sigmoid(x);
    const Tensor slope = binary("silu", x, s, [](auto v, auto p) { return p + v * p * (1 - p); });
    return Gradients{multiply(dy, slope)};
  });
}

namespace {

// (x Φ)' = Φ + x φ
Tensor gelu_gradient(const Tensor& dy, const Tensor& x) {
  if (x.dtype() != DType::f32) {
    return binary("gelu", dy, x, []<class T>(T d, T v) {
      const T below = T{0.5} * (1 + std::erf(v * static_cast<T>(std::numbers::sqrt2 / 2)));
      const T density = static_cast<T>(std::numbers::inv_sqrtpi / std::numbers::sqrt2) *
                        std::exp(v * v * T{-0.5});
      return d * (below + v * density);
    });
  }
  const Tensor gradient = dense(dy), source = dense(x);
  Tensor dx = Tensor::empty(x.shape());
  const float *d = gradient.data<float>(), *values = source.data<float>();
  float* out = dx.data<float>();
  parallel_for(dx.count(), cpu::kElementsPerChunk, [=](std::int64_t begin, std::int64_t end) {
    cpu::gelu_gradient_row(d + begin, values + begin, out + begin, end - begin);
  });
  return dx;
}

}  // namespace

Tensor gelu(const Tensor& x) {
  const Tensor y = unary_rows("gelu", x, cpu::gelu_row, []<class T>(T v) {
    return v * T{0.5} * (1 + std::erf(v * static_cast<T>(std::numbers::sqrt2 / 2)));
  });
  return record("gelu", {x}, y, [x](const Tensor& dy) { return Gradients{gelu_gradient(dy, x)}; });
}

namespace {

// sqrt(2/π) (x + 0.044715 x³), whose hyperbolic tangent is close to 2Φ(x) - 1.
constexpr double kGeluSlope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double kGeluCube = 0.044715;

Tensor gelu_tangent(const Tensor& x) {
  return tanh(unary("gelu_tanh", x, []<class T>(T v) {
    return static_cast<T>(kGeluSlope) * (v + static_cast<T>(kGeluCube) * v * v * v);
  }));
}

}  // namespace

Tensor gelu_tanh(const Tensor& x) {
  const Tensor tangent = gelu_tangent(x.stop_gradient());
  const Tensor y =
      binary("gelu_tanh", x, tangent, []<class T>(T v, T t) { return T{0.5} * v * (1 + t); });
  return record("gelu_tanh", {x}, y, [x](const Tensor& dy) {
    const Tensor slope =
        binary("gelu_tanh", x, gelu_tangent(x.stop_gradient()), []<class T>(T v, T t) {
          const T inner = static_cast<T>(kGeluSlope) * (1 + 3 * static_cast<T>(kGeluCube) * v * v);
          return T{0.5} * (1 + t) + T{0.5} * v * (1 - t * t) * inner;
        });
    return Gradients{multiply(dy, slope)};
  });
}

Tensor relu(const Tensor& x) {
  const Tensor y = unary("relu", x, []<class T>(T v) { return v < 0 ? T{0} : v; });
  return record("relu", {x}, y, [y](const Tensor& dy) {
    return Gradients{binary("relu", dy, y, []<class T>(T d, T v) { return v > 0 ? d : T{0}; })};
  });
}

Tensor tanh(const Tensor& x) {
  const Tensor y = unary_rows("tanh", x, cpu::tanh_row, [](auto v) { return std::tanh(v); });
  return record("tanh", {x}, y, [y](const Tensor& dy) {
    return Gradients{binary("tanh", dy, y, [](auto d, auto t) { return d * (1 - t * t); })};
  });
}

Tensor form_scores(const Tensor& products, ScoreForm form) {
  const Tensor scores = form.scale == 1 ? products : scale(products, form.scale);
  if (!form.capped()) return scores;
  return scale(tanh(scale(scores, 1.0 / form.softcap)), form.softcap);
}

}  // namespace bantam
