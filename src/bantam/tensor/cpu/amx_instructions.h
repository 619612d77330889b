// The instructions of AMX themselves, for amx.cc and amx_stream.cc: compilers differ in what they
// offer.
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/amx.h"

#if defined(__x86_64__) && defined(__linux__)
#define BANTAM_KNOWS_AMX 1

namespace bantam::cpu::amx {

template <int kRegister>
inline void load(const void* from, std::int64_t row_bytes) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
               :
               : "r"(from), "r"(row_bytes), "i"(kRegister)
               : "memory");
}
// Past the first-level cache.
template <int kRegister>
inline void load_passing(const void* from, std::int64_t row_bytes) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
               :
               : "r"(from), "r"(row_bytes), "i"(kRegister)
               : "memory");
}
template <int kRegister>
inline void store(void* to, std::int64_t row_bytes) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
               :
               : "r"(to), "r"(row_bytes), "i"(kRegister)
               : "memory");
}
template <int kRegister>
inline void clear() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kRegister));
}
template <int kSum, int kX, int kY>
inline void add_product() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kX), "i"(kY));
}

// A product of a pair of tiles with another: registers 0 to 3 hold the sums, 4 and 5 tiles of x, 6
// and 7 of y. Each tile that is loaded meets two others.
inline void begin_sums(bool accumulate, const float* sums, std::int64_t stride) {
  if (!accumulate) {
    clear<0>(), clear<1>(), clear<2>(), clear<3>();
    return;
  }
  const std::int64_t row_bytes = stride * static_cast<std::int64_t>(sizeof(float));
  const float* const lower = sums + kAmxRows * stride;
  load<0>(sums, row_bytes), load<1>(sums + kAmxRows, row_bytes);
  load<2>(lower, row_bytes), load<3>(lower + kAmxRows, row_bytes);
}
// Which factor's tiles are loaded past the first-level cache, so that the other's stay there.
enum class Passing { x, y };
// Tile `number` of each list.
template <Passing kPassing>
inline void add_tiles(const AmxThread::Factors& factors, std::int64_t number) {
  constexpr std::int64_t kRowBytes = 64;
  const std::int64_t at = number * kAmxTile;
  if constexpr (kPassing == Passing::y) {
    load<4>(factors.x[0] + at, kRowBytes), load_passing<6>(factors.y[0] + at, kRowBytes);
    add_product<0, 4, 6>();
    load_passing<7>(factors.y[1] + at, kRowBytes);
    add_product<1, 4, 7>();
    load<5>(factors.x[1] + at, kRowBytes);
  } else {
    load_passing<4>(factors.x[0] + at, kRowBytes), load<6>(factors.y[0] + at, kRowBytes);
    add_product<0, 4, 6>();
    load<7>(factors.y[1] + at, kRowBytes);
    add_product<1, 4, 7>();
    load_passing<5>(factors.x[1] + at, kRowBytes);
  }
  add_product<2, 5, 6>();
  add_product<3, 5, 7>();
}
inline void store_sums(float* sums, std::int64_t stride) {
  const std::int64_t row_bytes = stride * static_cast<std::int64_t>(sizeof(float));
  float* const lower = sums + kAmxRows * stride;
  store<0>(sums, row_bytes), store<1>(sums + kAmxRows, row_bytes);
  store<2>(lower, row_bytes), store<3>(lower + kAmxRows, row_bytes);
}

}  // namespace bantam::cpu::amx

#else
#define BANTAM_KNOWS_AMX 0
#endif
