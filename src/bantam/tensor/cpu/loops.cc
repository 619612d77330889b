#include "bantam/tensor/cpu/loops.h"

namespace bantam::cpu {
namespace {

// Stride of `x` along axis `axis` of the result, 0 where x is stretched or lacks the axis.
std::int64_t stretched_stride(const Tensor& x, const Shape& result, int axis) {
  const int own = axis - (result.rank() - x.rank());
  return own < 0 || x.size(own) == 1 ? 0 : x.stride(own);
}

}  // namespace

BroadcastAxes broadcast_axes(const Shape& result, const Tensor& a, const Tensor& b) {
  BroadcastAxes axes;
  for (int axis = 0; axis < result.rank(); ++axis) {
    if (result[axis] == 1) continue;
    const std::int64_t stride_a = stretched_stride(a, result, axis);
    const std::int64_t stride_b = stretched_stride(b, result, axis);
    const int outer = axes.rank - 1;
    if (outer >= 0 && axes.stride_a[outer] == stride_a * result[axis] &&
        axes.stride_b[outer] == stride_b * result[axis]) {
      axes.extent[outer] *= result[axis];
      axes.stride_a[outer] = stride_a;
      axes.stride_b[outer] = stride_b;
      continue;
    }
    axes.extent[axes.rank] = result[axis];
    axes.stride_a[axes.rank] = stride_a;
    axes.stride_b[axes.rank] = stride_b;
    ++axes.rank;
  }
  if (axes.rank == 0) {  // a single element
    axes.extent[0] = 1;
    axes.rank = 1;
  }
  return axes;
}

}  // namespace bantam::cpu
