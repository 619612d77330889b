#include "bantam/model/weight_layout.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "bantam/base/error.h"
#include "bantam/base/file_pages.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"

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
  forget_file_pages(weight.bytes(), weight.byte_size());
  return out;
}

void require_heads(const Tensor& weight, std::int64_t heads) {
  if (weight.rank() < 1 || weight.size(0) % (2 * heads) != 0) {
    throw input_error("weight {} cannot be split into {} heads of pairs", weight.shape().text(),
                      heads);
  }
}

}  // namespace

RowRange rows_in_file(const WeightName& entry, const DecoderConfig& config, int layer,
                      std::int64_t rows) {
  const LayerPart part = config.layer(layer);
  const std::int64_t query = part.heads * config.head_width;
  const std::int64_t key = part.kv_heads * config.head_width;
  switch (entry.rows) {
    case FileRows::all:
      return {0, rows};
    case FileRows::query:
      return {0, query};
    case FileRows::key:
      return {query, query + key};
    case FileRows::value:
      return {query + key, query + 2 * key};
    case FileRows::gate:
      return {0, rows / 2};
    case FileRows::up:
      return {rows / 2, rows};
  }
  throw internal_error("rows of {}", entry.site);
}

Tensor joined_rows(std::vector<Tensor> parts) {
  const DType type = parts.front().dtype();
  if (!std::ranges::all_of(parts, [&](const Tensor& part) { return part.dtype() == type; })) {
    for (Tensor& part : parts) part = dequantize(part);
  }
  std::int64_t rows = 0;
  for (const Tensor& part : parts) rows += part.size(0);
  Shape shape = parts.front().shape();
  shape.set(0, rows);
  Tensor whole = Tensor::empty(shape, parts.front().dtype());
  std::byte* to = whole.writable_bytes();
  for (const Tensor& part : parts) {
    std::memcpy(to, part.bytes(), part.byte_size());
    to += part.byte_size();
  }
  return whole;
}

Tensor stacked(const std::vector<Tensor>& tensors) {
  const Shape& shape = tensors.front().shape();
  for (const Tensor& tensor : tensors) {
    if (tensor.shape() == shape) continue;
    throw input_error("tensors of one stack are {} and {}; expected one shape", shape.text(),
                      tensor.shape().text());
  }
  std::vector<std::int64_t> extents = {std::ssize(tensors)};
  for (const std::int64_t extent : shape.extents()) extents.push_back(extent);
  return reshape(joined_rows(tensors), Shape(std::span<const std::int64_t>(extents)));
}

Tensor with_rows_in_front(const Tensor& table, std::int64_t count) {
  const Tensor plain = table.dtype() == DType::f32 ? table : dequantize(table);
  const Tensor parts[] = {Tensor::zeros({count, plain.size(1)}), plain};
  return concatenate(parts, 0);
}

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
