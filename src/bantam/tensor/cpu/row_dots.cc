// Weight rows against a few rows of x, decoded in registers.
//
// Within a group of elements that share a scale, dot(x, scale * level + minimum) =
// scale * dot(x, level) + minimum * sum(x): the scale costs one product a group instead of one an
// element, and the sums of x are shared by all weight rows.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/row_dots.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/block_stream-inl.h"
#include "bantam/tensor/cpu/decode.h"
#include "bantam/tensor/cpu/row_dots.h"

#ifndef BANTAM_TENSOR_CPU_ROW_DOTS_ONCE_
#define BANTAM_TENSOR_CPU_ROW_DOTS_ONCE_
namespace bantam::cpu {

// Rows of x that share one pass over the weight: their sums stay in registers.
constexpr int kTokens = 8;

struct RowDots {
  DType type;      // of the weight
  const float* x;  // [tokens, width]
  std::int64_t tokens, width;
  const std::byte* weight;  // row 0
  std::int64_t row_bytes;
  const float* group_sums;  // [blocks of kTokens][groups][kTokens]; sums of x, where needed
  float* out;               // [tokens, out_stride]
  std::int64_t out_stride;
};

using RowDotsKernel = void (*)(const RowDots&, std::int64_t first_row, std::int64_t last_row);

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

template <class Block, int kCount>
void block_dots(const RowDots& job, std::int64_t token, std::int64_t row) {
  using Stream = StreamOf<Block>;
  constexpr int kGroups = Block::kElements / Stream::kGroup;
  const StreamTag d;
  constexpr int kVectors = Stream::kGroup / static_cast<int>(hn::MaxLanes(StreamTag()));
  const hn::CappedTag<float, kTokens> dt;
  constexpr int kLowVectors = kTokens / static_cast<int>(hn::MaxLanes(dt));
  hn::Vec<StreamTag> sums[kCount];
  for (auto& sum : sums) sum = hn::Zero(d);
  hn::Vec<decltype(dt)> low[kLowVectors];
  for (auto& sum : low) sum = hn::Zero(dt);

  const auto* blocks = reinterpret_cast<const Block*>(job.weight + row * job.row_bytes);
  const float* x = job.x + token * job.width;
  const std::int64_t groups = job.width / Stream::kGroup;
  // Lanes beyond this pass's tokens hold sums of others and are not read in the end.
  const float* group_sums = job.group_sums + token / kTokens * kTokens * groups + token % kTokens;
  for (std::int64_t b = 0; b < job.width / Block::kElements; ++b) {
    for (int g = 0; g < kGroups; ++g) {
      const GroupParameters p = parameters(blocks[b], g);
      hn::Vec<StreamTag> w[kVectors];
      levels(d, blocks[b], g, [&](int offset, auto level) HWY_ATTR {
        w[offset / static_cast<int>(hn::MaxLanes(StreamTag()))] = level;
      });
      const auto scale = hn::Set(d, p.scale);
      for (int t = 0; t < kCount; ++t) {
        const float* values = x + t * job.width;
        auto dot = hn::Mul(w[0], hn::LoadU(d, values));
        for (int v = 1; v < kVectors; ++v) {
          dot = hn::MulAdd(w[v], hn::LoadU(d, values + v * hn::MaxLanes(d)), dot);
        }
        sums[t] = hn::MulAdd(scale, dot, sums[t]);
      }
      if constexpr (Stream::kHasMinimum) {
        const auto minimum = hn::Set(dt, p.minimum);
        for (int v = 0; v < kLowVectors; ++v) {
          const auto of_x = hn::LoadU(dt, group_sums + v * hn::MaxLanes(dt));
          low[v] = hn::MulAdd(minimum, of_x, low[v]);
        }
        group_sums += kTokens;
      }
      x += Stream::kGroup;
    }
  }
  float minimum_part[kTokens] = {};
  for (int v = 0; v < kLowVectors; ++v) {
    hn::StoreU(low[v], dt, minimum_part + v * hn::MaxLanes(dt));
  }
  for (int t = 0; t < kCount; ++t) {
    job.out[(token + t) * job.out_stride + row] =
        hn::GetLane(hn::SumOfLanes(d, sums[t])) + minimum_part[t];
  }
}

template <class Block>
void quantized_rows(const RowDots& job, std::int64_t first_row, std::int64_t last_row) {
  const auto pass = [&](auto dots, std::int64_t token) {
    for (std::int64_t row = first_row; row < last_row; ++row) dots(job, token, row);
  };
  std::int64_t token = 0;
  for (; token + 8 <= job.tokens; token += 8) pass(block_dots<Block, 8>, token);
  // What remains goes in powers of two: seven kernels a format would take long to compile.
  if (job.tokens - token >= 4) pass(block_dots<Block, 4>, token), token += 4;
  if (job.tokens - token >= 2) pass(block_dots<Block, 2>, token), token += 2;
  if (job.tokens - token >= 1) pass(block_dots<Block, 1>, token);
}

// Plain types and block formats without a stream are decoded to a small buffer, unless they are f32
// already. A multiple of every block; rows of plain types end anywhere.
constexpr std::int64_t kPiece = 512;

HWY_INLINE float dot(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, a + i + 2 * lanes), hn::LoadU(d, b + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, a + i + 3 * lanes), hn::LoadU(d, b + i + 3 * lanes), s3);
  }
  for (; i + lanes <= count; i += lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

void decoded_rows(const RowDots& job, std::int64_t first_row, std::int64_t last_row) {
  alignas(64) float piece[kPiece];
  const Decode decode = decoder(job.type);
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const std::byte* bytes = job.weight + row * job.row_bytes;
    for (std::int64_t t = 0; t < job.tokens; ++t) job.out[t * job.out_stride + row] = 0;
    for (std::int64_t k = 0; k < job.width; k += kPiece) {
      const std::int64_t count = std::min(kPiece, job.width - k);
      const float* values = piece;
      if (job.type == DType::f32) {
        values = reinterpret_cast<const float*>(bytes) + k;
      } else {
        decode(bytes + bytes_of(job.type, k), count, piece);
      }
      for (std::int64_t t = 0; t < job.tokens; ++t) {
        job.out[t * job.out_stride + row] += dot(job.x + t * job.width + k, values, count);
      }
    }
  }
}

RowDotsKernel find(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return quantized_rows<Q4_0Block>;
    case DType::q4_1:
      return quantized_rows<Q4_1Block>;
    case DType::q5_0:
      return quantized_rows<Q5_0Block>;
    case DType::q5_1:
      return quantized_rows<Q5_1Block>;
    case DType::q8_0:
      return quantized_rows<Q8_0Block>;
    case DType::q4_k:
      return quantized_rows<Q4_KBlock>;
    case DType::q6_k:
      return quantized_rows<Q6_KBlock>;
    case DType::f64:
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
      return nullptr;
    default:
      return decoded_rows;
  }
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

bool has_minimum(DType dtype) {
  return dtype == DType::q4_1 || dtype == DType::q5_1 || dtype == DType::q4_k;
}

// Sums of x over groups of 32 (the group of every format with a minimum), tokens innermost and
// padded with zeros to a multiple of kTokens.
std::vector<float> sums_of_groups(const float* x, std::int64_t tokens, std::int64_t width) {
  constexpr std::int64_t kGroup = 32;
  const std::int64_t groups = width / kGroup;
  const std::int64_t padded = (tokens + kTokens - 1) / kTokens * kTokens;
  // kTokens more: the last pass may start inside of a block and reads a whole one.
  std::vector<float> sums(static_cast<std::size_t>(padded * groups + kTokens));
  for (std::int64_t t = 0; t < tokens; ++t) {
    float* to = sums.data() + t / kTokens * kTokens * groups + t % kTokens;
    for (std::int64_t g = 0; g < groups; ++g) {
      float sum = 0;
      for (std::int64_t i = 0; i < kGroup; ++i) sum += x[t * width + g * kGroup + i];
      to[g * kTokens] = sum;
    }
  }
  return sums;
}

}  // namespace

void row_dots(const float* x, std::int64_t rows, const Tensor& weight, float* out) {
  const RowDotsKernel kernel = HWY_DYNAMIC_DISPATCH(find)(weight.dtype());
  if (kernel == nullptr) {
    throw internal_error("linear: a weight of type {} meets x of type f32",
                         info(weight.dtype()).name);
  }
  const std::int64_t outputs = weight.size(0), width = weight.size(1);
  const std::vector<float> sums =
      has_minimum(weight.dtype()) ? sums_of_groups(x, rows, width) : std::vector<float>();
  const RowDots job{.type = weight.dtype(),
                    .x = x,
                    .tokens = rows,
                    .width = width,
                    .weight = weight.bytes(),
                    .row_bytes = bytes_of(weight.dtype(), width),
                    .group_sums = sums.data(),
                    .out = out,
                    .out_stride = outputs};
  // About 32 KiB of weight a chunk: small enough to balance, and it stays in L1 when more than
  // kTokens rows of x pass over it.
  const std::int64_t grain =
      std::clamp<std::int64_t>((32 << 10) / std::max<std::int64_t>(job.row_bytes, 1), 8, 256);
  parallel_for(outputs, grain,
               [&](std::int64_t first, std::int64_t last) { kernel(job, first, last); });
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
