// Threaded loops of the simple ops: over elements, over rows, and over two operands that broadcast.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "bantam/base/threads.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// Elements a thread takes at a time: 64 KiB of f32, far above the cost of handing out a chunk.
constexpr std::int64_t kElementsPerChunk = 16384;

/// The axes of a broadcast result, neighbours merged where both operands allow: two equal
/// contiguous shapes become one axis. A stretched operand has stride 0.
struct BroadcastAxes {
  int rank = 0;
  std::array<std::int64_t, Shape::kMaxRank> extent{}, stride_a{}, stride_b{};
};
BroadcastAxes broadcast_axes(const Shape& result, const Tensor& a, const Tensor& b);

/// out[i] = f(x[i]) for contiguous x.
template <class T, class F>
void for_each_element(const T* x, T* out, std::int64_t count, F f) {
  parallel_for(count, kElementsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = f(x[i]);
  });
}

/// body(first element, width) for each row of the last axis of contiguous memory of shape `shape`.
template <class Body>
void for_each_row(const Shape& shape, Body&& body) {
  if (shape.count() == 0) return;
  const std::int64_t width = shape[-1];
  parallel_for(shape.count() / width, std::max<std::int64_t>(1, kElementsPerChunk / width),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) body(row * width, width);
               });
}

/// One row of a binary op; the strides that matter get loops that vectorize.
template <class T, class F>
void binary_row(const T* a, std::int64_t stride_a, const T* b, std::int64_t stride_b, T* out,
                std::int64_t count, F f) {
  if (stride_a == 1 && stride_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = f(a[i], b[i]);
  } else if (stride_a == 1 && stride_b == 0) {
    const T value = *b;
    for (std::int64_t i = 0; i < count; ++i) out[i] = f(a[i], value);
  } else if (stride_a == 0 && stride_b == 1) {
    const T value = *a;
    for (std::int64_t i = 0; i < count; ++i) out[i] = f(value, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) out[i] = f(a[i * stride_a], b[i * stride_b]);
  }
}

/// out (contiguous) = f(a, b) over broadcast axes.
template <class T, class F>
void for_each_pair(const BroadcastAxes& axes, const T* a, const T* b, T* out, F f) {
  const int inner = axes.rank - 1;
  const std::int64_t columns = axes.extent[inner];
  std::int64_t rows = 1;
  for (int axis = 0; axis < inner; ++axis) rows *= axes.extent[axis];
  if (rows == 1) {
    parallel_for(columns, kElementsPerChunk, [&](std::int64_t begin, std::int64_t end) {
      binary_row(a + begin * axes.stride_a[inner], axes.stride_a[inner],
                 b + begin * axes.stride_b[inner], axes.stride_b[inner], out + begin, end - begin,
                 f);
    });
    return;
  }
  const std::int64_t grain =
      std::max<std::int64_t>(1, kElementsPerChunk / std::max<std::int64_t>(columns, 1));
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t place_a = 0, place_b = 0, rest = row;
      for (int axis = inner - 1; axis >= 0; --axis) {
        const std::int64_t index = rest % axes.extent[axis];
        rest /= axes.extent[axis];
        place_a += index * axes.stride_a[axis];
        place_b += index * axes.stride_b[axis];
      }
      binary_row(a + place_a, axes.stride_a[inner], b + place_b, axes.stride_b[inner],
                 out + row * columns, columns, f);
    }
  });
}

}  // namespace bantam::cpu
