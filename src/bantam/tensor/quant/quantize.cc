#include "bantam/tensor/quant/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/decode.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/quant/few_levels.h"
#include "bantam/tensor/quant/fp4.h"
#include "bantam/tensor/quant/iq1.h"
#include "bantam/tensor/quant/iq2.h"
#include "bantam/tensor/quant/iq3.h"
#include "bantam/tensor/quant/iq4.h"
#include "bantam/tensor/quant/q2_k.h"
#include "bantam/tensor/quant/q3_k.h"
#include "bantam/tensor/quant/q4_0.h"
#include "bantam/tensor/quant/q4_1.h"
#include "bantam/tensor/quant/q4_k.h"
#include "bantam/tensor/quant/q5_0.h"
#include "bantam/tensor/quant/q5_1.h"
#include "bantam/tensor/quant/q5_k.h"
#include "bantam/tensor/quant/q6_k.h"
#include "bantam/tensor/quant/q8_0.h"
#include "bantam/tensor/quant/q8_k.h"

namespace bantam {
namespace {

// What this file needs to know of an element type.
struct Format {
  void (*encode)(const float* values, std::int64_t count, std::byte* blocks) = nullptr;
  std::int64_t (*first_bad)(const std::byte* blocks, std::int64_t count) = nullptr;
};

template <class Block>
concept Encodable = requires(const float* values, Block& block) {
  encode(values, block);
};

// Blocks in a mapped file start at any even byte, so they are copied in and out.
template <class Block>
Format block_format() {
  Format format;
  format.first_bad = [](const std::byte* blocks, std::int64_t count) -> std::int64_t {
    for (std::int64_t i = 0; i < count / Block::kElements; ++i) {
      Block block;
      std::memcpy(&block, blocks + i * sizeof(Block), sizeof block);
      if (!has_finite_scales(block)) return i;
    }
    return -1;
  };
  if constexpr (Encodable<Block>) {
    format.encode = [](const float* values, std::int64_t count, std::byte* blocks) {
      for (std::int64_t i = 0; i < count / Block::kElements; ++i) {
        Block block;
        encode(values + i * Block::kElements, block);
        std::memcpy(blocks + i * sizeof(Block), &block, sizeof block);
      }
    };
  }
  return format;
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
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
      return {};
    case DType::q1_0:
      return block_format<Q1_0Block>();
    case DType::q2_0:
      return block_format<Q2_0Block>();
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
    case DType::q2_k:
      return block_format<Q2_KBlock>();
    case DType::q3_k:
      return block_format<Q3_KBlock>();
    case DType::q4_k:
      return block_format<Q4_KBlock>();
    case DType::q5_k:
      return block_format<Q5_KBlock>();
    case DType::q6_k:
      return block_format<Q6_KBlock>();
    case DType::q8_k:
      return block_format<Q8_KBlock>();
    case DType::iq1_s:
      return block_format<Iq1_SBlock>();
    case DType::iq1_m:
      return block_format<Iq1_MBlock>();
    case DType::iq2_xxs:
      return block_format<Iq2_XxsBlock>();
    case DType::iq2_xs:
      return block_format<Iq2_XsBlock>();
    case DType::iq2_s:
      return block_format<Iq2_SBlock>();
    case DType::iq3_xxs:
      return block_format<Iq3_XxsBlock>();
    case DType::iq3_s:
      return block_format<Iq3_SBlock>();
    case DType::iq4_nl:
      return block_format<Iq4_NlBlock>();
    case DType::iq4_xs:
      return block_format<Iq4_XsBlock>();
    case DType::tq1_0:
      return block_format<TQ1_0Block>();
    case DType::tq2_0:
      return block_format<TQ2_0Block>();
    case DType::mxfp4:
      return block_format<Mxfp4Block>();
    case DType::nvfp4:
      return block_format<Nvfp4Block>();
  }
  throw internal_error("quantize: {} is not an element type", static_cast<int>(dtype));
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

bool can_quantize_to(DType dtype) { return format_of(dtype).encode != nullptr; }

void require_quantizable_to(DType dtype) {
  if (can_quantize_to(dtype)) return;
  std::string known;
  for (const DTypeInfo& type : all_dtypes()) {
    if (!can_quantize_to(type.dtype)) continue;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", type.name);
  }
  throw usage_error("weights of type {} are read but not made; types that are: {}",
                    info(dtype).name, known);
}

void quantize_row(DType dtype, const float* values, std::int64_t count, std::byte* blocks) {
  require_quantizable_to(dtype);
  format_of(dtype).encode(values, count, blocks);
}

std::int64_t first_bad_block(DType dtype, const std::byte* blocks, std::int64_t count) {
  const auto first_bad = format_of(dtype).first_bad;
  if (first_bad == nullptr) return -1;
  constexpr std::int64_t kChunk = std::int64_t{1} << 18;  // elements: whole blocks of any type
  const std::int64_t block = info(dtype).block_elements, chunks = (count + kChunk - 1) / kChunk;
  std::vector<std::int64_t> found(static_cast<std::size_t>(chunks));
  parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t from = chunk * kChunk, size = std::min(kChunk, count - from);
      const auto* bytes = blocks + from / block * info(dtype).block_bytes;
      const std::int64_t bad = first_bad(bytes, size);
      found[static_cast<std::size_t>(chunk)] = bad < 0 ? -1 : bad + from / block;
    }
  });
  const auto bad = std::ranges::find_if(found, [](std::int64_t place) { return place >= 0; });
  return bad == found.end() ? -1 : *bad;
}

Tensor quantize(const Tensor& x, DType dtype) {
  if (x.dtype() != DType::f32) {
    throw internal_error("quantize: expected f32, found {} {}", info(x.dtype()).name,
                         x.shape().text());
  }
  require_quantizable_to(dtype);
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
