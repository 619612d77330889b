#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // CPUs with AMX have this target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_text_weights.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "bantam/tensor/cpu/amx_round-inl.h"
#include "bantam/tensor/cpu/amx_text_weights.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::Full512<float> kFloats;
constexpr hn::Full512<std::uint16_t> kHalves;
constexpr int kLanes = 16, kVectors = kTextTile / kLanes;
constexpr float kLog2OfE = 1.44269504f;
// By how much scores may exceed the maximum that weights are relative to: f32 and bf16 have as many
// digits of 2^23 as of 1, and it is rare that what is there has to change.
constexpr float kAboveMaximum = 23;

// A row of a tile, part by part.
struct Row {
  SixteenFloats parts[kVectors];
};

// Lanes of each part that a query sees.
struct Seen {
  std::uint64_t keys;
  __mmask16 of(int part) const { return static_cast<__mmask16>(keys >> (part * kLanes)); }
};

HWY_INLINE Seen seen_by(const TextScores& scores, int query) {
  return {scores.seen == nullptr ? ~std::uint64_t{0} : scores.seen[query]};
}

HWY_INLINE Row load_row(const float* from) {
  Row row;
  for (int v = 0; v < kVectors; ++v) row.parts[v] = hn::LoadU(kFloats, from + v * kLanes);
  return row;
}

HWY_INLINE SixteenFloats largest_of(const Row& row) {
  return hn::Max(hn::Max(row.parts[0], row.parts[1]), hn::Max(row.parts[2], row.parts[3]));
}

// Makes what a row has relative to a larger maximum.
HWY_INLINE void raise_maximum(const TextRows& rows, int query, float larger) {
  const auto factor = hn::Set(kFloats, std::exp2(rows.maximum[query] - larger));
  float* const outputs = rows.outputs + query * rows.width;
  for (int e = 0; e < rows.width; e += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(kFloats, outputs + e), factor), kFloats, outputs + e);
  }
  float* const sums = rows.sums + query * kLanes;
  hn::StoreU(hn::Mul(hn::LoadU(kFloats, sums), factor), kFloats, sums);
  rows.maximum[query] = larger;
}

// The halves of a row go to the same place of two tiles.
HWY_INLINE void store_row(const Row& row, std::uint16_t* tiles, std::int64_t to_next_tile) {
  hn::StoreU(to_bf16(row.parts[0], row.parts[1]), kHalves, tiles);
  hn::StoreU(to_bf16(row.parts[2], row.parts[3]), kHalves, tiles + to_next_tile);
}

HWY_INLINE std::uint16_t* row_of_tiles(std::uint16_t* tiles, int query) {
  return tiles + query / kAmxRows * kTextGroups * kAmxTile + query % kAmxRows * kAmxDepth;
}

void weigh(const TextScores& scores, const TextRows& rows, std::uint16_t* weights) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const auto factor = hn::Set(kFloats, scores.scale * kLog2OfE),
             unseen = hn::Set(kFloats, -std::numeric_limits<float>::max());
  for (int query = 0; query < scores.queries; ++query) {
    std::uint16_t* const to = row_of_tiles(weights, query);
    const Seen seen = seen_by(scores, query);
    if (seen.keys == 0) {
      store_row({}, to, kAmxTile);
      continue;
    }
    Row row = load_row(scores.dots + query * kTextTile);
    for (int v = 0; v < kVectors; ++v) {
      row.parts[v] =
          SixteenFloats{_mm512_mask_mul_ps(unseen.raw, seen.of(v), row.parts[v].raw, factor.raw)};
    }
    const auto most = largest_of(row);
    float& maximum = rows.maximum[query];
    if (!(maximum > kNone)) {
      maximum = hn::GetLane(hn::MaxOfLanes(kFloats, most));
    } else if (!hn::AllFalse(kFloats, hn::Gt(most, hn::Set(kFloats, maximum + kAboveMaximum)))) {
      raise_maximum(rows, query, hn::GetLane(hn::MaxOfLanes(kFloats, most)));
    }
    const auto shift = hn::Set(kFloats, maximum);
    float* const sums = rows.sums + query * kLanes;
    auto sum = hn::LoadU(kFloats, sums);
    for (int v = 0; v < kVectors; ++v) {
      row.parts[v] = rough_power(hn::Sub(row.parts[v], shift), seen.of(v));
      sum = hn::Add(sum, row.parts[v]);
    }
    hn::StoreU(sum, kFloats, sums);
    store_row(row, to, kAmxTile);
  }
}

void gradients(const TextScores& scores, const TextGradients& of, std::uint16_t* weights,
               std::uint16_t* d_scores, std::uint16_t* d_score_rows) {
  const auto factor = hn::Set(kFloats, scores.scale * kLog2OfE),
             scale = hn::Set(kFloats, scores.scale);
  const std::int64_t groups = scores.queries / kAmxDepth;
  for (int query = 0; query < scores.queries; query += 2) {
    Row p[2], ds[2];
    for (int i = 0; i < 2; ++i) {
      const int at = query + i;
      const Seen seen = seen_by(scores, at);
      const auto shift = hn::Set(kFloats, of.log_sum_exp[at] * kLog2OfE),
                 mean = hn::Set(kFloats, of.mean[at]);
      for (int v = 0; v < kVectors; ++v) {
        const std::int64_t part = at * kTextTile + v * kLanes;
        const auto weight = rough_power(
            hn::MulSub(hn::LoadU(kFloats, scores.dots + part), factor, shift), seen.of(v));
        const auto centered = hn::Sub(hn::LoadU(kFloats, of.d_weights + part), mean);
        p[i].parts[v] = weight;
        ds[i].parts[v] = SixteenFloats{
            _mm512_maskz_mul_ps(seen.of(v), hn::Mul(weight, scale).raw, centered.raw)};
      }
      store_row(ds[i], row_of_tiles(d_score_rows, at), kAmxTile);
    }
    const std::int64_t pair = query / kAmxDepth * kAmxTile + query % kAmxDepth * kAmxRows;
    for (int v = 0; v < kVectors; ++v) {
      const std::int64_t to = v * groups * kAmxTile + pair;
      hn::StoreU(to_bf16_pairs(p[0].parts[v], p[1].parts[v]), kHalves, weights + to);
      hn::StoreU(to_bf16_pairs(ds[0].parts[v], ds[1].parts[v]), kHalves, d_scores + to);
    }
  }
}

AmxTextKernels find() { return {weigh, gradients}; }

#else

AmxTextKernels find() { return {}; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {

HWY_EXPORT(find);

const AmxTextKernels& amx_text_kernels() {
  static const AmxTextKernels instance = HWY_DYNAMIC_DISPATCH(find)();
  return instance;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
