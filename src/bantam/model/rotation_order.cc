#include "bantam/model/rotation_order.h"

#include <cstring>
#include <functional>

#include "bantam/base/error.h"

namespace bantam {
namespace {

// Row r of the result is row source_of(r) of the weight; rows of quantized types are whole blocks,
// so this is exact.
Tensor reorder_rows(const Tensor& weight,
                    const std::function<std::int64_t(std::int64_t)>& source_of) {
  Tensor out = Tensor::empty(weight.shape(), weight.dtype());
  const std::uint64_t row_bytes = weight.byte_size() / static_cast<std::uint64_t>(weight.size(0));
  for (std::int64_t row = 0; row < weight.size(0); ++row) {
    std::memcpy(out.writable_bytes() + static_cast<std::uint64_t>(row) * row_bytes,
                weight.bytes() + static_cast<std::uint64_t>(source_of(row)) * row_bytes, row_bytes);
  }
  return out;
}

void require_heads(const Tensor& weight, std::int64_t heads) {
  if (weight.rank() < 1 || weight.size(0) % (2 * heads) != 0) {
    throw input_error("weight {} cannot be split into {} heads of pairs", weight.shape().text(),
                      heads);
  }
}

}  // namespace

Tensor interleave_rotation(const Tensor& weight, std::int64_t heads) {
  require_heads(weight, heads);
  const std::int64_t width = weight.size(0) / heads, half = width / 2;
  return reorder_rows(weight, [=](std::int64_t row) {
    const std::int64_t head = row / width, within = row % width;
    return head * width + (within % 2) * half + within / 2;
  });
}

Tensor deinterleave_rotation(const Tensor& weight, std::int64_t heads) {
  require_heads(weight, heads);
  const std::int64_t width = weight.size(0) / heads, half = width / 2;
  return reorder_rows(weight, [=](std::int64_t row) {
    const std::int64_t head = row / width, within = row % width;
    return head * width + 2 * (within % half) + within / half;
  });
}

}  // namespace bantam
