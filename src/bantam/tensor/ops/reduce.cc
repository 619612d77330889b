#include "bantam/tensor/ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/operands.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

constexpr std::int64_t kSumChunk = 256;         // f32 sums of at most this many values
constexpr std::int64_t kTotalChunk = 1 << 16;   // values of one partial result of a total
constexpr std::int64_t kColumnsPerChunk = 256;  // columns that a thread sums at a time

// A tensor seen as [outer, count, inner], reduced over the middle.
struct Axes {
  std::int64_t outer = 1, count = 1, inner = 1;
};

Axes axes_around(const Shape& shape, int axis) {
  Axes axes;
  axes.count = shape[axis];
  for (int i = 0; i < axis; ++i) axes.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) axes.inner *= shape[i];
  return axes;
}

Shape without_axis(const Shape& shape, int axis, bool keep_axis) {
  std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  if (keep_axis) {
    extents[static_cast<std::size_t>(axis)] = 1;
  } else {
    extents.erase(extents.begin() + axis);
  }
  return Shape(std::span<const std::int64_t>(extents));
}

// One partial result per fixed chunk, combined in order: the threads change nothing.
template <class F>
double total_of(std::int64_t count, F&& partial) {
  std::vector<double> partials(static_cast<std::size_t>((count + kTotalChunk - 1) / kTotalChunk));
  parallel_for(count, kTotalChunk, [&](std::int64_t begin, std::int64_t end) {
    partials[static_cast<std::size_t>(begin / kTotalChunk)] = partial(begin, end);
  });
  double total = 0;
  for (const double value : partials) total += value;
  return total;
}

// out[c] = sum over rows of x[row, c] for columns [begin, end).
template <class T>
void sum_columns(const T* x, const Axes& axes, std::int64_t begin, std::int64_t end, T* out) {
  T chunk[kColumnsPerChunk];
  double total[kColumnsPerChunk] = {};
  const std::int64_t width = end - begin;
  for (std::int64_t first = 0; first < axes.count; first += kSumChunk) {
    std::fill(chunk, chunk + width, T{0});
    const std::int64_t last = std::min(first + kSumChunk, axes.count);
    for (std::int64_t row = first; row < last; ++row) {
      const T* values = x + row * axes.inner + begin;
      for (std::int64_t i = 0; i < width; ++i) chunk[i] += values[i];
    }
    for (std::int64_t i = 0; i < width; ++i) total[i] += chunk[i];
  }
  for (std::int64_t i = 0; i < width; ++i) out[begin + i] = static_cast<T>(total[i]);
}

template <class T>
void sum_middle(const T* x, const Axes& axes, T* out) {
  if (axes.inner == 1) {
    const std::int64_t grain =
        std::max<std::int64_t>(1, kTotalChunk / std::max<std::int64_t>(axes.count, 1));
    parallel_for(axes.outer, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        out[row] = static_cast<T>(cpu::sum_row(x + row * axes.count, axes.count));
    });
    return;
  }
  const std::int64_t blocks = (axes.inner + kColumnsPerChunk - 1) / kColumnsPerChunk;
  parallel_for(axes.outer * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t row = task / blocks, first = task % blocks * kColumnsPerChunk;
      sum_columns(x + row * axes.count * axes.inner, axes, first,
                  std::min(first + kColumnsPerChunk, axes.inner), out + row * axes.inner);
    }
  });
}

// Place of the largest value of each row of the middle axis, the first of equals; NaN counts as
// largest so that it does not vanish.
template <class T>
void find_largest(const T* x, const Axes& axes, std::int32_t* places) {
  parallel_for(axes.outer, std::max<std::int64_t>(1, kTotalChunk / (axes.count * axes.inner)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t place = begin * axes.inner; place < end * axes.inner; ++place) {
                   const T* row =
                       x + place / axes.inner * axes.count * axes.inner + place % axes.inner;
                   std::int64_t best = 0;
                   for (std::int64_t i = 1; i < axes.count; ++i) {
                     const T value = row[i * axes.inner], largest = row[best * axes.inner];
                     if (value > largest || (std::isnan(value) && !std::isnan(largest))) best = i;
                   }
                   places[place] = static_cast<std::int32_t>(best);
                 }
               });
}

Tensor largest_places(const char* op, const Tensor& x, int axis) {
  require_float(op, x);
  if (x.size(axis) == 0)
    throw input_error("{}: axis {} of {} is empty", op, axis, x.shape().text());
  Tensor places = Tensor::empty(without_axis(x.shape(), axis, true), DType::i32);
  const Tensor source = dense(x);
  with_float(x.dtype(), [&]<class T>() {
    if (x.count() > 0)
      find_largest<T>(source.data<T>(), axes_around(x.shape(), axis), places.data<std::int32_t>());
  });
  return places;
}

}  // namespace

Tensor sum(const Tensor& x) {
  require_float("sum", x);
  const Tensor source = dense(x);
  const double total = with_float(x.dtype(), [&]<class T>() {
    const T* values = source.data<T>();
    return total_of(x.count(), [values](std::int64_t begin, std::int64_t end) {
      return cpu::sum_row(values + begin, end - begin);
    });
  });
  return record(
      "sum", {x}, Tensor::scalar(total, x.dtype()),
      [shape = x.shape()](const Tensor& dy) { return Gradients{broadcast_to(dy, shape)}; });
}

Tensor sum(const Tensor& x, int axis, bool keep_axis) {
  require_float("sum", x);
  axis = resolve_axis("sum", x, axis);
  Tensor y = Tensor::empty(without_axis(x.shape(), axis, keep_axis), x.dtype());
  const Tensor source = dense(x);
  with_float(x.dtype(), [&]<class T>() {
    sum_middle<T>(source.data<T>(), axes_around(x.shape(), axis), y.data<T>());
  });
  return record("sum", {x}, y, [shape = x.shape(), axis](const Tensor& dy) {
    return Gradients{broadcast_to(reshape(dy, without_axis(shape, axis, true)), shape)};
  });
}

Tensor mean(const Tensor& x) { return scale(sum(x), 1.0 / static_cast<double>(x.count())); }

Tensor mean(const Tensor& x, int axis, bool keep_axis) {
  const Tensor total = sum(x, axis, keep_axis);
  return scale(total, 1.0 / static_cast<double>(x.size(resolve_axis("mean", x, axis))));
}

Tensor max(const Tensor& x, int axis, bool keep_axis) {
  axis = resolve_axis("max", x, axis);
  const Tensor places = largest_places("max", x, axis);
  const Axes axes = axes_around(x.shape(), axis);
  const Tensor source = dense(x);
  Tensor y = Tensor::empty(without_axis(x.shape(), axis, keep_axis), x.dtype());
  const auto place_of = [axes](const std::int32_t* chosen, std::int64_t i) {
    return (i / axes.inner * axes.count + chosen[i]) * axes.inner + i % axes.inner;
  };
  with_float(x.dtype(), [&]<class T>() {
    const std::int32_t* chosen = places.data<std::int32_t>();
    const T* values = source.data<T>();
    T* out = y.data<T>();
    for (std::int64_t i = 0; i < y.count(); ++i) out[i] = values[place_of(chosen, i)];
  });
  return record("max", {x}, y, [places, place_of, shape = x.shape()](const Tensor& dy) {
    Tensor dx = Tensor::zeros(shape, dy.dtype());
    const Tensor source = dense(dy);
    with_float(dy.dtype(), [&]<class T>() {
      const std::int32_t* chosen = places.data<std::int32_t>();
      const T* values = source.data<T>();
      T* out = dx.data<T>();
      for (std::int64_t i = 0; i < source.count(); ++i) out[place_of(chosen, i)] = values[i];
    });
    return Gradients{dx};
  });
}

Tensor argmax(const Tensor& x, int axis) {
  axis = resolve_axis("argmax", x, axis);
  const Tensor places = largest_places("argmax", x, axis);
  return record_constant("argmax", {x}, reshape(places, without_axis(x.shape(), axis, false)));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Tensor y = x;
  // Axes that broadcasting added or stretched, outermost first; neighbours are summed at once.
  const int added = x.rank() - shape.rank();
  for (int axis = 0; axis < x.rank();) {
    const auto stretched = [&](int i) {
      return i < added || (shape[i - added] == 1 && x.size(i) != 1);
    };
    int end = axis;
    std::int64_t extent = 1;
    while (end < x.rank() && stretched(end)) extent *= x.size(end++);
    if (end == axis) {
      if (x.size(axis) != shape[axis - added]) {
        throw input_error("sum_to: {} is not what {} broadcasts to", x.shape().text(),
                          shape.text());
      }
      ++axis;
      continue;
    }
    // y keeps x's axes throughout: summed ones have extent 1.
    std::vector<std::int64_t> merged, summed;
    for (int i = 0; i < axis; ++i) merged.push_back(y.size(i));
    merged.push_back(extent);
    for (int i = end; i < y.rank(); ++i) merged.push_back(y.size(i));
    for (int i = 0; i < y.rank(); ++i) summed.push_back(i >= axis && i < end ? 1 : y.size(i));
    y = reshape(sum(reshape(y, Shape(std::span<const std::int64_t>(merged))), axis, true),
                Shape(std::span<const std::int64_t>(summed)));
    axis = end;
  }
  return reshape(y, shape);
}

double l2_norm(const Tensor& x) {
  require_float("l2_norm", x);
  const Tensor source = dense(x);
  const double total = with_float(x.dtype(), [&]<class T>() {
    const T* values = source.data<T>();
    return total_of(x.count(), [values](std::int64_t begin, std::int64_t end) {
      return cpu::sum_of_squares_row(values + begin, end - begin);
    });
  });
  return std::sqrt(total);
}

bool all_finite(const Tensor& x) {
  require_float("all_finite", x);
  const Tensor source = dense(x);
  const double bad = with_float(x.dtype(), [&]<class T>() {
    const T* values = source.data<T>();
    return total_of(x.count(), [values](std::int64_t begin, std::int64_t end) {
      return cpu::finite_row(values + begin, end - begin) ? 0 : 1;
    });
  });
  return bad == 0;
}

bool all_finite(std::span<const float> row) { return cpu::finite_row(row.data(), std::ssize(row)); }

std::int64_t argmax(std::span<const float> row) {
  // Its block first, so that few are looked at one by one.
  constexpr std::size_t kBlock = 1024;
  float most = -std::numeric_limits<float>::infinity();
  std::size_t block = 0;
  for (std::size_t i = 0; i < row.size(); i += kBlock) {
    const std::size_t width = std::min(kBlock, row.size() - i);
    const float largest = cpu::max_row(row.data() + i, static_cast<std::int64_t>(width));
    if (largest > most) most = largest, block = i;
  }
  return std::ranges::find(row.subspan(block), most) - row.begin();
}

}  // namespace bantam
