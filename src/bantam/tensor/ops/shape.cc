#include "bantam/tensor/ops/shape.h"

#include <algorithm>
#include <cstring>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/loops.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/ops/operands.h"
#include "bantam/tensor/ops/reduce.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

Strides strides_of(const Tensor& x) {
  Strides strides{};
  for (int axis = 0; axis < x.rank(); ++axis) strides[axis] = x.stride(axis);
  return strides;
}

// Only whole rows of blocks can be addressed, so views of a quantized tensor leave its last axis
// be.
void require_plain(const char* op, const Tensor& x) {
  if (!info(x.dtype()).is_quantized) return;
  throw input_error("{}: {} {} is quantized; dequantize() it first", op, x.shape().text(),
                    info(x.dtype()).name);
}

// `shape` with its -1, if any, replaced by what is left of `count` elements.
Shape completed(const Shape& shape, const Tensor& x) {
  Shape result = shape;
  std::int64_t known = 1;
  int open = -1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == -1 && open < 0) {
      open = axis;
    } else {
      known *= shape[axis];
    }
  }
  if (open >= 0 && known > 0 && x.count() % known == 0) result.set(open, x.count() / known);
  if (result.count() != x.count() ||
      std::ranges::any_of(result.extents(), [](auto e) { return e < 0; }))
    throw input_error("reshape: {} has {} elements and cannot become {}", x.shape().text(),
                      x.count(), shape.text());
  return result;
}

// A dense copy, by threads: x's values are read through the strides of a broadcast.
template <class T>
void copy_strided(const Tensor& x, Tensor& out) {
  const cpu::BroadcastAxes axes = cpu::broadcast_axes(x.shape(), x, x);
  cpu::for_each_pair<T>(axes, x.data<T>(), x.data<T>(), out.data<T>(), [](T a, T) { return a; });
}

Tensor dense_copy(const Tensor& x) {
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  if (x.count() == 0) return out;
  switch (info(x.dtype()).block_bytes) {
    case 2:
      copy_strided<std::uint16_t>(x, out);
      break;
    case 4:
      copy_strided<std::uint32_t>(x, out);
      break;
    default:
      copy_strided<std::uint64_t>(x, out);
  }
  return out;
}

// Bytes of one row of x [R, ..].
std::size_t row_bytes(const Tensor& x) {
  return x.size(0) == 0 ? 0 : x.byte_size() / static_cast<std::uint64_t>(x.size(0));
}

// Writes `part` into x[.., begin : begin + part.size(axis), ..]; both contiguous.
void place(const Tensor& part, Tensor& x, int axis, std::int64_t begin) {
  std::int64_t outer = 1, inner = info(x.dtype()).block_bytes;
  for (int i = 0; i < axis; ++i) outer *= x.size(i);
  for (int i = axis + 1; i < x.rank(); ++i) inner *= x.size(i);
  const auto run = static_cast<std::size_t>(part.size(axis) * inner);
  if (run == 0) return;
  std::byte* out = x.writable_bytes();
  const std::byte* in = part.bytes();
  const std::int64_t step = x.size(axis) * inner;
  const std::int64_t grain =
      std::max<std::int64_t>(1, 4 * cpu::kElementsPerChunk / static_cast<std::int64_t>(run));
  parallel_for(outer, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      std::memcpy(out + i * step + begin * inner, in + static_cast<std::size_t>(i) * run, run);
  });
}

void require_in_range(const char* op, const Tensor& indices, std::int64_t limit) {
  const std::int32_t* values = indices.data<std::int32_t>();
  for (std::int64_t i = 0; i < indices.count(); ++i) {
    if (values[i] < 0 || values[i] >= limit)
      throw input_error("{}: index {} at place {} is outside 0 … {}", op, values[i], i, limit - 1);
  }
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  const Shape target = completed(shape, x);
  if (target == x.shape()) return x;
  const Tensor source = x.is_contiguous() ? x.stop_gradient() : dense_copy(x);
  return record("reshape", {x}, source.window(target, dense_strides(target), 0),
                [from = x.shape()](const Tensor& dy) { return Gradients{reshape(dy, from)}; });
}

Tensor transpose(const Tensor& x, int axis_a, int axis_b) {
  require_plain("transpose", x);
  axis_a = resolve_axis("transpose", x, axis_a);
  axis_b = resolve_axis("transpose", x, axis_b);
  Shape shape = x.shape();
  Strides strides = strides_of(x);
  shape.set(axis_a, x.size(axis_b));
  shape.set(axis_b, x.size(axis_a));
  std::swap(strides[axis_a], strides[axis_b]);
  return record("transpose", {x}, x.window(shape, strides, 0), [axis_a, axis_b](const Tensor& dy) {
    return Gradients{transpose(dy, axis_a, axis_b)};
  });
}

Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end) {
  axis = resolve_axis("slice", x, axis);
  if (begin < 0 || begin > end || end > x.size(axis)) {
    throw input_error("slice: {} … {} is not a range of axis {} of {}", begin, end, axis,
                      x.shape().text());
  }
  if (axis != 0) require_plain("slice", x);
  Shape shape = x.shape();
  shape.set(axis, end - begin);
  const std::int64_t offset = begin * x.stride(axis);
  return record("slice", {x}, x.window(shape, strides_of(x), offset),
                [shape = x.shape(), axis, begin](const Tensor& dy) {
                  Tensor dx = Tensor::zeros(shape, dy.dtype());
                  place(contiguous(dy), dx, axis, begin);
                  return Gradients{dx};
                });
}

Tensor concatenate(std::span<const Tensor> parts, int axis) {
  if (parts.empty()) throw input_error("concatenate: expected at least one tensor, found none");
  const Tensor& head = parts.front();
  require_plain("concatenate", head);
  axis = resolve_axis("concatenate", head, axis);
  Shape shape = head.shape();
  std::vector<std::int64_t> ends;
  std::int64_t extent = 0;
  for (const Tensor& part : parts) {
    Shape expected = head.shape();
    if (part.rank() == head.rank()) expected.set(axis, part.size(axis));
    if (!(part.shape() == expected) || part.dtype() != head.dtype()) {
      throw input_error("concatenate: {} {} does not continue {} {} along axis {}",
                        part.shape().text(), info(part.dtype()).name, head.shape().text(),
                        info(head.dtype()).name, axis);
    }
    ends.push_back(extent += part.size(axis));
  }
  shape.set(axis, extent);
  Tensor y = Tensor::empty(shape, head.dtype());
  for (std::size_t i = 0; i < parts.size(); ++i)
    place(parts[i].is_contiguous() ? parts[i] : dense_copy(parts[i]), y, axis,
          ends[i] - parts[i].size(axis));
  return record("concatenate", parts, y, [ends, axis](const Tensor& dy) {
    Gradients gradients;
    std::int64_t begin = 0;
    for (const std::int64_t end : ends) {
      gradients.push_back(slice(dy, axis, begin, end));
      begin = end;
    }
    return gradients;
  });
}

Tensor contiguous(const Tensor& x) {
  if (x.is_contiguous()) return x;
  return record("contiguous", {x}, dense_copy(x), [](const Tensor& dy) { return Gradients{dy}; });
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  require_plain("broadcast_to", x);
  const int added = shape.rank() - x.rank();
  Strides strides{};
  bool fits = added >= 0;
  for (int axis = std::max(added, 0); axis < shape.rank(); ++axis) {
    const int own = axis - added;
    fits = fits && (x.size(own) == shape[axis] || x.size(own) == 1);
    if (fits) strides[axis] = x.size(own) == 1 ? 0 : x.stride(own);
  }
  if (!fits)
    throw input_error("broadcast_to: {} does not stretch to {}", x.shape().text(), shape.text());
  return record("broadcast_to", {x}, x.window(shape, strides, 0),
                [from = x.shape()](const Tensor& dy) { return Gradients{sum_to(dy, from)}; });
}

Tensor index_rows(const Tensor& x, const Tensor& rows) {
  require_plain("index_rows", x);
  if (x.wants_gradient()) require_float("index_rows", x);
  require_indices("index_rows", rows);
  resolve_axis("index_rows", x, 0);
  require_in_range("index_rows", rows, x.size(0));
  const Tensor source = x.is_contiguous() ? x.stop_gradient() : dense_copy(x);
  Shape shape = x.shape();
  shape.set(0, rows.size(0));
  Tensor y = Tensor::empty(shape, x.dtype());
  const std::size_t bytes = row_bytes(source);
  const std::int32_t* index = rows.data<std::int32_t>();
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    std::memcpy(y.writable_bytes() + static_cast<std::size_t>(i) * bytes,
                source.bytes() + static_cast<std::size_t>(index[i]) * bytes, bytes);
  }
  return record("index_rows", {x}, y, [rows, shape = x.shape()](const Tensor& dy) {
    Tensor dx = Tensor::zeros(shape, dy.dtype());
    const Tensor source = dense(dy);
    const std::int64_t width = rows.size(0) == 0 ? 0 : dy.count() / rows.size(0);
    with_float(dy.dtype(), [&]<class T>() {
      // In order of the rows, so that repeated ones add up in the same order every time.
      const std::int32_t* index = rows.data<std::int32_t>();
      for (std::int64_t i = 0; i < rows.size(0); ++i) {
        const T* from = source.data<T>() + i * width;
        T* to = dx.data<T>() + index[i] * width;
        for (std::int64_t k = 0; k < width; ++k) to[k] += from[k];
      }
    });
    return Gradients{dx};
  });
}

Tensor pick_columns(const Tensor& x, const Tensor& columns) {
  require_float("pick_columns", x);
  require_indices("pick_columns", columns);
  if (x.rank() != 2 || columns.size(0) != x.size(0)) {
    throw input_error("pick_columns: expected x [R, C] and columns [R], found {} and {}",
                      x.shape().text(), columns.shape().text());
  }
  require_in_range("pick_columns", columns, x.size(1));
  Tensor y = Tensor::empty({x.size(0)}, x.dtype());
  const std::int32_t* column = columns.data<std::int32_t>();
  with_float(x.dtype(), [&]<class T>() {
    for (std::int64_t r = 0; r < x.size(0); ++r)
      y.data<T>()[r] = x.data<T>()[r * x.stride(0) + column[r] * x.stride(1)];
  });
  return record("pick_columns", {x}, y, [columns, shape = x.shape()](const Tensor& dy) {
    Tensor dx = Tensor::zeros(shape, dy.dtype());
    const Tensor source = dense(dy);
    const std::int32_t* column = columns.data<std::int32_t>();
    with_float(dy.dtype(), [&]<class T>() {
      for (std::int64_t r = 0; r < shape[0]; ++r)
        dx.data<T>()[r * shape[1] + column[r]] = source.data<T>()[r];
    });
    return Gradients{dx};
  });
}

namespace {

struct Bf16 {
  std::uint16_t bits;
};
struct F16 {
  std::uint16_t bits;
};

double plain(double value) { return value; }
float plain(float value) { return value; }
float plain(Bf16 value) { return bf16_to_float(value.bits); }
float plain(F16 value) { return f16_to_float(value.bits); }

void assign(double& out, double value) { out = value; }
void assign(float& out, double value) { out = static_cast<float>(value); }
void assign(float& out, float value) { out = value; }
void assign(Bf16& out, float value) { out.bits = float_to_bf16(value); }
void assign(F16& out, float value) { out.bits = float_to_f16(value); }
void assign(Bf16& out, double value) { assign(out, static_cast<float>(value)); }
void assign(F16& out, double value) { assign(out, static_cast<float>(value)); }

template <class Body>
void with_element(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f64:
      return body.template operator()<double>();
    case DType::bf16:
      return body.template operator()<Bf16>();
    case DType::f16:
      return body.template operator()<F16>();
    default:
      return body.template operator()<float>();
  }
}

template <class From, class To>
void convert(const Tensor& x, Tensor& y) {
  const From* in = x.data<From>();
  To* out = y.data<To>();
  parallel_for(x.count(), cpu::kElementsPerChunk, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) assign(out[i], plain(in[i]));
  });
}

}  // namespace

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  if (info(x.dtype()).is_quantized && dtype == DType::f32)
    return record_constant("cast", {x}, dequantize(x));
  if (!info(x.dtype()).is_float || !info(dtype).is_float) {
    throw input_error("cast: {} {} to {} is not a cast; use quantize() or dequantize()",
                      x.shape().text(), info(x.dtype()).name, info(dtype).name);
  }
  const Tensor source = x.is_contiguous() ? x.stop_gradient() : dense_copy(x);
  Tensor y = Tensor::empty(x.shape(), dtype);
  with_element(x.dtype(), [&]<class From>() {
    with_element(dtype, [&]<class To>() { convert<From, To>(source, y); });
  });
  return record("cast", {x}, y,
                [from = x.dtype()](const Tensor& dy) { return Gradients{cast(dy, from)}; });
}

}  // namespace bantam
