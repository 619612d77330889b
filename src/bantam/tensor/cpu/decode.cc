// Decoding of rows: one loop for the block formats that have a stream (block_stream-inl.h), and one
// for those that are taken apart first (quant/unpacked_block.h).
//
// Products and sums stay separate instructions (the room is compiled with -ffp-contract=off), so
// that every instruction set gives the bits of the scalar code.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/decode.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <cstring>

#include "bantam/base/error.h"
#include "bantam/tensor/cpu/block_stream-inl.h"
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
#include "bantam/tensor/quant/q5_k.h"
#include "bantam/tensor/quant/q8_k.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

template <class Block>
void decode_blocks(const std::byte* in, std::int64_t count, float* HWY_RESTRICT out) {
  using Stream = StreamOf<Block>;
  const StreamTag d;
  const auto* blocks = reinterpret_cast<const Block*>(in);
  for (std::int64_t b = 0; b < count / Block::kElements; ++b) {
    for (int group = 0; group < Block::kElements / Stream::kGroup; ++group) {
      const GroupParameters p = parameters(blocks[b], group);
      const auto scale = hn::Set(d, p.scale), minimum = hn::Set(d, p.minimum);
      float* HWY_RESTRICT to = out + b * Block::kElements + group * Stream::kGroup;
      levels(d, blocks[b], group, [&](int offset, auto level) HWY_ATTR {
        const auto product = hn::Mul(level, scale);
        if constexpr (Stream::kHasMinimum) {
          hn::StoreU(hn::Add(product, minimum), d, to + offset);
        } else {
          hn::StoreU(product, d, to + offset);
        }
      });
    }
  }
}

// A table of 16 levels fits a register, which a shuffle of bytes reads 16 times at once.
template <HasLevelTable Block>
HWY_INLINE void look_up_levels(const Block& block, std::int8_t* HWY_RESTRICT levels) {
  constexpr int kRun = Block::kRun;
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < Block::kElements / 2; ++i) {
    std::int8_t* run = levels + i / kRun * 2 * kRun + i % kRun;
    run[0] = Block::kLevelTable[block.levels[i] & 15];
    run[kRun] = Block::kLevelTable[block.levels[i] >> 4];
  }
#else
  const hn::FixedTag<std::int8_t, 16> d_table;
  const hn::FixedTag<std::int8_t, kRun> d;
  const hn::RebindToUnsigned<decltype(d)> d_bytes;
  const auto table = hn::LoadU(d_table, Block::kLevelTable.data());
  const auto mask = hn::Set(d_bytes, 15);
  for (int i = 0; i < Block::kElements / 2; i += kRun) {
    const auto both = hn::LoadU(d_bytes, block.levels + i);
    const auto low = hn::BitCast(d, hn::And(both, mask));
    const auto high = hn::BitCast(d, hn::ShiftRight<4>(both));
    hn::StoreU(hn::TableLookupBytes(table, low), d, levels + 2 * i);
    hn::StoreU(hn::TableLookupBytes(table, high), d, levels + 2 * i + kRun);
  }
#endif
}

template <Unpackable Block>
void decode_unpacked(const std::byte* in, std::int64_t count, float* HWY_RESTRICT out) {
  const StreamTag d;
  const hn::RebindToSigned<StreamTag> d32;
  const hn::Rebind<std::int8_t, StreamTag> d8;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto* blocks = reinterpret_cast<const Block*>(in);
  UnpackedBlock<Block> open;
  for (std::int64_t b = 0; b < count / Block::kElements; ++b) {
    if constexpr (HasLevelTable<Block>) {
      unpack_scales(blocks[b], open);
      look_up_levels(blocks[b], open.levels);
    } else {
      unpack(blocks[b], open);
    }
    for (int group = 0; group < open.kGroups; ++group) {
      const auto scale = hn::Set(d, open.scales[group]);
      const auto offset = hn::Set(d, Block::kHasOffset ? open.offsets[group] : 0.0f);
      for (int i = group * Block::kGroup; i < (group + 1) * Block::kGroup; i += lanes) {
        const auto level = hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, open.levels + i)));
        const auto product = hn::Mul(level, scale);
        hn::StoreU(Block::kHasOffset ? hn::Add(product, offset) : product, d, out + i);
      }
    }
    out += Block::kElements;
  }
}

void decode_bf16(const std::byte* in, std::int64_t count, float* HWY_RESTRICT out) {
  const auto* bits = reinterpret_cast<const std::uint16_t*>(in);
  const hn::ScalableTag<std::uint32_t> d32;
  const hn::Rebind<std::uint16_t, decltype(d32)> d16;
  const hn::RepartitionToWide<hn::Repartition<std::uint16_t, decltype(d32)>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d32));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto wide = hn::ShiftLeft<16>(hn::PromoteTo(d, hn::LoadU(d16, bits + i)));
    hn::StoreU(wide, d, reinterpret_cast<std::uint32_t*>(out + i));
  }
  for (; i < count; ++i) out[i] = bf16_to_float(bits[i]);
}

void decode_f16(const std::byte* in, std::int64_t count, float* HWY_RESTRICT out) {
  const auto* bits = reinterpret_cast<const std::uint16_t*>(in);
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128  // see half_to_float()
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> d16;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    const auto* halves = reinterpret_cast<const hwy::float16_t*>(bits + i);
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(d16, halves)), d, out + i);
  }
#endif
  for (; i < count; ++i) out[i] = f16_to_float(bits[i]);
}

Decode find(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return decode_bf16;
    case DType::f16:
      return decode_f16;
    case DType::q4_0:
      return decode_blocks<Q4_0Block>;
    case DType::q4_1:
      return decode_blocks<Q4_1Block>;
    case DType::q5_0:
      return decode_blocks<Q5_0Block>;
    case DType::q5_1:
      return decode_blocks<Q5_1Block>;
    case DType::q8_0:
      return decode_blocks<Q8_0Block>;
    case DType::q4_k:
      return decode_blocks<Q4_KBlock>;
    case DType::q6_k:
      return decode_blocks<Q6_KBlock>;
    case DType::q1_0:
      return decode_unpacked<Q1_0Block>;
    case DType::q2_0:
      return decode_unpacked<Q2_0Block>;
    case DType::q2_k:
      return decode_unpacked<Q2_KBlock>;
    case DType::q3_k:
      return decode_unpacked<Q3_KBlock>;
    case DType::q5_k:
      return decode_unpacked<Q5_KBlock>;
    case DType::q8_k:
      return decode_unpacked<Q8_KBlock>;
    case DType::iq1_s:
      return decode_unpacked<Iq1_SBlock>;
    case DType::iq1_m:
      return decode_unpacked<Iq1_MBlock>;
    case DType::iq2_xxs:
      return decode_unpacked<Iq2_XxsBlock>;
    case DType::iq2_xs:
      return decode_unpacked<Iq2_XsBlock>;
    case DType::iq2_s:
      return decode_unpacked<Iq2_SBlock>;
    case DType::iq3_xxs:
      return decode_unpacked<Iq3_XxsBlock>;
    case DType::iq3_s:
      return decode_unpacked<Iq3_SBlock>;
    case DType::iq4_nl:
      return decode_unpacked<Iq4_NlBlock>;
    case DType::iq4_xs:
      return decode_unpacked<Iq4_XsBlock>;
    case DType::tq1_0:
      return decode_unpacked<TQ1_0Block>;
    case DType::tq2_0:
      return decode_unpacked<TQ2_0Block>;
    case DType::mxfp4:
      return decode_unpacked<Mxfp4Block>;
    case DType::nvfp4:
      return decode_unpacked<Nvfp4Block>;
    case DType::f32:
    case DType::f64:
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
      break;
  }
  return nullptr;
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

template <class Stored>
void convert(const std::byte* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    Stored value;
    std::memcpy(&value, in + i * static_cast<std::int64_t>(sizeof value), sizeof value);
    out[i] = static_cast<float>(value);
  }
}

void copy(const std::byte* in, std::int64_t count, float* out) {
  std::memcpy(out, in, static_cast<std::size_t>(count) * sizeof(float));
}

}  // namespace

Decode decoder(DType dtype) {
  if (dtype == DType::f32) return copy;
  if (dtype == DType::f64) return convert<double>;
  if (dtype == DType::i8) return convert<std::int8_t>;
  if (dtype == DType::i16) return convert<std::int16_t>;
  if (dtype == DType::i32) return convert<std::int32_t>;
  if (dtype == DType::i64) return convert<std::int64_t>;
  return HWY_DYNAMIC_DISPATCH(find)(dtype);
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
