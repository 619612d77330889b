// Stores keys and values of new tokens in pages (ops/paged_attention.h).
#include <algorithm>
#include <span>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/ops/paged_attention.h"

namespace bantam::cpu {
namespace {

// Rows a thread takes at a time: each touches a line of memory for every four features of a key.
constexpr std::int64_t kRowsAtATime = 4;

// Rows `begin` … `end` of a side.
template <class Element, class Convert>
void write_side(const Tensor& source, std::span<const std::int32_t> rows, std::int64_t begin,
                std::int64_t end, PageSide side, Element* pages, std::int64_t page_stride,
                Convert convert) {
  const std::int64_t groups = source.size(1), width = source.size(2),
                     padded = padded_head_width(width);
  const bool is_key = side == PageSide::keys;
  std::vector<Element> key(static_cast<std::size_t>(padded));
  const float* from = source.data<float>() + begin * groups * width;
  for (const std::int32_t row :
       rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))) {
    for (std::int64_t group = 0; group < groups; ++group, from += width) {
      Element* plane = pages + row / kPageRows * page_stride +
                       (group * 2 + (is_key ? 0 : 1)) * kPageRows * padded;
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

template <class Element, class Convert>
void write_rows(const Tensor& keys, const Tensor& values, std::span<const std::int32_t> rows,
                Tensor& pages, Convert convert) {
  auto* const memory = pages.data<Element>();
  parallel_for(std::ssize(rows), kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
    for (const PageSide side : {PageSide::keys, PageSide::values}) {
      write_side<Element>(side == PageSide::keys ? keys : values, rows, begin, end, side, memory,
                          pages.stride(0), convert);
    }
  });
}

}  // namespace

void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values) {
  if (pages.dtype() == DType::f32) {
    write_rows<float>(keys, values, rows, pages, [](const float* from, int count, float* to) {
      std::copy_n(from, count, to);
    });
  } else {
    write_rows<std::uint16_t>(keys, values, rows, pages, attention_tiles().narrow);
  }
}

}  // namespace bantam::cpu
