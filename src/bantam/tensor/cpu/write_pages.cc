// Stores keys and values of new tokens in pages (ops/paged_attention.h).
#include <algorithm>
#include <span>
#include <vector>

#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/ops/paged_attention.h"

namespace bantam::cpu {
namespace {

template <class Element, class Convert>
void write_side(const Tensor& source, std::span<const std::int32_t> rows, PageSide side,
                Tensor& pages, Convert convert) {
  const std::int64_t groups = source.size(1), width = source.size(2), padded = pages.size(4);
  const bool is_key = side == PageSide::keys;
  std::vector<Element> key(static_cast<std::size_t>(padded));
  const float* from = source.data<float>();
  for (const std::int32_t row : rows) {
    for (std::int64_t group = 0; group < groups; ++group, from += width) {
      const std::int64_t block = (row / kPageRows * groups + group) * 2 + (is_key ? 0 : 1);
      Element* plane = pages.data<Element>() + block * kPageRows * padded;
      Element* const features = is_key ? key.data() : plane + row % kPageRows * padded;
      convert(from, static_cast<int>(width), features);
      std::fill(features + width, features + padded, Element{0});
      if (!is_key) continue;
      plane += row % kPageRows * kKeyQuad;
      for (std::int64_t e = 0; e < padded; e += kKeyQuad, plane += kPageRows * kKeyQuad) {
        std::copy_n(features + e, kKeyQuad, plane);
      }
    }
  }
}

}  // namespace

void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values) {
  const auto copy = [](const float* from, int count, float* to) { std::copy_n(from, count, to); };
  for (const PageSide side : {PageSide::keys, PageSide::values}) {
    const Tensor& source = side == PageSide::keys ? keys : values;
    if (pages.dtype() == DType::f32) {
      write_side<float>(source, rows, side, pages, copy);
    } else {
      write_side<std::uint16_t>(source, rows, side, pages, attention_tiles().narrow);
    }
  }
}

}  // namespace bantam::cpu
