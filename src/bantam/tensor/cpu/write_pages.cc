// Stores keys and values of new tokens in pages (ops/paged_attention.h).
#include <algorithm>
#include <span>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/ops/paged_attention.h"

namespace bantam::cpu {
namespace {

// Rows a thread takes at a time: each touches a line of memory for every four features of a key.
constexpr std::int64_t kRowsAtATime = 4;

// Tokens `begin` … `end`.
template <class Element, class Convert>
void store(const NewTokens& tokens, std::span<const std::int32_t> rows, std::int64_t begin,
           std::int64_t end, Tensor& pages, Convert convert) {
  const std::int64_t groups = pages.size(1), width = tokens.width, padded = pages.size(4);
  thread_local std::vector<Element> key;  // kept: an answer stores one token a layer
  key.resize(static_cast<std::size_t>(padded));
  const auto widened = [&](const float* from, Element* features) {
    convert(from, static_cast<int>(width), features);
    std::fill(features + width, features + padded, Element{0});
  };
  for (std::int64_t token = begin; token < end; ++token) {
    const std::int32_t row = rows[static_cast<std::size_t>(token)];
    Element* plane = pages.data<Element>() + row / kPageRows * pages.stride(0);
    for (std::int64_t group = 0; group < groups; ++group, plane += 2 * kPageRows * padded) {
      const std::int64_t from = (token * groups + group) * width;
      widened(tokens.keys + from, key.data());
      Element* quad = plane + row % kPageRows * kKeyQuad;
      for (std::int64_t e = 0; e < padded; e += kKeyQuad, quad += kPageRows * kKeyQuad) {
        std::copy_n(key.data() + e, kKeyQuad, quad);
      }
      widened(tokens.values + from, plane + (kPageRows + row % kPageRows) * padded);
    }
  }
}

}  // namespace

void store_tokens(const NewTokens& tokens, std::span<const std::int32_t> rows, std::int64_t begin,
                  std::int64_t end, Tensor& pages) {
  if (pages.dtype() == DType::f32) {
    store<float>(tokens, rows, begin, end, pages,
                 [](const float* from, int count, float* to) { std::copy_n(from, count, to); });
  } else {
    store<std::uint16_t>(tokens, rows, begin, end, pages, attention_tiles().narrow);
  }
}

void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values) {
  const NewTokens tokens{keys.data<float>(), values.data<float>(), keys.size(2)};
  parallel_for(std::ssize(rows), kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
    store_tokens(tokens, rows, begin, end, pages);
  });
}

}  // namespace bantam::cpu
