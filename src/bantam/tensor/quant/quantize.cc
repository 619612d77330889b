#include "bantam/tensor/quant/quantize.h"

#include <array>
#include <cmath>
#include <cstring>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/decode.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/quant/q4_0.h"
#include "bantam/tensor/quant/q4_1.h"
#include "bantam/tensor/quant/q4_k.h"
#include "bantam/tensor/quant/q5_0.h"
#include "bantam/tensor/quant/q5_1.h"
#include "bantam/tensor/quant/q6_k.h"
#include "bantam/tensor/quant/q8_0.h"

namespace bantam {
namespace {

// What this file needs to know of an element type.
struct Format {
  void (*encode)(const float* values, std::int64_t count, std::byte* blocks) = nullptr;
  std::int64_t (*first_bad)(const std::byte* blocks, std::int64_t count) = nullptr;
};

// Blocks in a mapped file start at any even byte, so they are copied in and out.
template <class Block>
Format block_format() {
  return {[](const float* values, std::int64_t count, std::byte* blocks) {
            for (std::int64_t i = 0; i < count / Block::kElements; ++i) {
              Block block;
              encode(values + i * Block::kElements, block);
              std::memcpy(blocks + i * sizeof(Block), &block, sizeof block);
            }
          },
          [](const std::byte* blocks, std::int64_t count) -> std::int64_t {
            for (std::int64_t i = 0; i < count / Block::kElements; ++i) {
              Block block;
              std::memcpy(&block, blocks + i * sizeof(Block), sizeof block);
              if (!has_finite_scales(block)) return i;
            }
            return -1;
          }};
}

template <class Stored, Stored (*to_stored)(float), bool (*is_finite)(Stored)>
Format plain_format() {
  return {[](const float* values, std::int64_t count, std::byte* out) {
            for (std::int64_t i = 0; i < count; ++i) {
              const Stored stored = to_stored(values[i]);
              std::memcpy(out + i * sizeof(Stored), &stored, sizeof stored);
            }
          },
          [](const std::byte* in, std::int64_t count) -> std::int64_t {
            for (std::int64_t i = 0; i < count; ++i) {
              Stored stored;
              std::memcpy(&stored, in + i * sizeof(Stored), sizeof stored);
              if (!is_finite(stored)) return i;
            }
            return -1;
          }};
}

float same(float value) { return value; }
double widened(float value) { return value; }
bool is_finite_f32(float value) { return std::isfinite(value); }
bool is_finite_f64(double value) { return std::isfinite(value); }
bool is_finite_bf16(std::uint16_t bits) { return std::isfinite(bf16_to_float(bits)); }

Format format_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return plain_format<float, same, is_finite_f32>();
    case DType::f64:
      return plain_format<double, widened, is_finite_f64>();
    case DType::bf16:
      return plain_format<std::uint16_t, float_to_bf16, is_finite_bf16>();
    case DType::f16:
      return plain_format<std::uint16_t, float_to_f16, is_finite_f16>();
    case DType::i32:
      break;
    case DType::q4_0:
      return block_format<Q4_0Block>();
    case DType::q4_1:
      return block_format<Q4_1Block>();
    case DType::q5_0:
      return block_format<Q5_0Block>();
    case DType::q5_1:
      return block_format<Q5_1Block>();
    case DType::q8_0:
      return block_format<Q8_0Block>();
    case DType::q4_k:
      return block_format<Q4_KBlock>();
    case DType::q6_k:
      return block_format<Q6_KBlock>();
  }
  throw internal_error("quantize: {} is not a type of weights", info(dtype).name);
}

// Elements a thread takes at a time: a multiple of every block size.
constexpr std::int64_t kChunk = 16384;

std::size_t bytes_for(DType dtype, std::int64_t count) {
  return static_cast<std::size_t>(count / info(dtype).block_elements) *
         static_cast<std::size_t>(info(dtype).block_bytes);
}

}  // namespace

void dequantize_row(DType dtype, const std::byte* blocks, std::int64_t count, float* out) {
  cpu::decoder(dtype)(blocks, count, out);
}

void quantize_row(DType dtype, const float* values, std::int64_t count, std::byte* blocks) {
  format_of(dtype).encode(values, count, blocks);
}

std::int64_t first_bad_block(DType dtype, const std::byte* blocks, std::int64_t count) {
  return format_of(dtype).first_bad(blocks, count);
}

Tensor quantize(const Tensor& x, DType dtype) {
  if (x.dtype() != DType::f32) {
    throw internal_error("quantize: expected f32, found {} {}", info(x.dtype()).name,
                         x.shape().text());
  }
  const int block = info(dtype).block_elements;
  if (x.rank() == 0 ? block > 1 : x.shape()[-1] % block != 0) {
    throw input_error("quantize: rows of x {} must be a multiple of {} elements for {}",
                      x.shape().text(), block, info(dtype).name);
  }
  const Tensor dense = x.is_contiguous() ? x : x.clone();
  const auto encode_chunk = format_of(dtype).encode;
  Tensor out = Tensor::empty(x.shape(), dtype);
  const float* values = dense.data<float>();
  std::byte* blocks = out.writable_bytes();
  parallel_for(x.count(), kChunk, [&](std::int64_t begin, std::int64_t end) {
    encode_chunk(values + begin, end - begin, blocks + bytes_for(dtype, begin));
  });
  return out;
}

Tensor dequantize(const Tensor& x) {
  const Tensor dense = x.is_contiguous() ? x : x.clone();
  Tensor out = Tensor::empty(x.shape());
  const auto decode_chunk = cpu::decoder(x.dtype());
  const std::byte* blocks = dense.bytes();
  float* values = out.data<float>();
  const DType dtype = x.dtype();
  parallel_for(x.count(), kChunk, [&](std::int64_t begin, std::int64_t end) {
    decode_chunk(blocks + bytes_for(dtype, begin), end - begin, values + begin);
  });
  return out;
}

}  // namespace bantam
