#include "bantam/tensor/cpu/amx.h"

#include "bantam/base/error.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/ops/matmul.h"

#if defined(__x86_64__) && defined(__linux__)
#define BANTAM_KNOWS_AMX 1
#include <sys/syscall.h>
#include <unistd.h>
#else
#define BANTAM_KNOWS_AMX 0
#endif

namespace bantam::cpu {

#if BANTAM_KNOWS_AMX

namespace {

// The instructions themselves: compilers differ in what they offer, and GCC 12 may drop what a
// configuration is made of.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr Configuration kWholeTiles;

template <int kRegister>
void load(const void* from, std::int64_t row_bytes) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
               :
               : "r"(from), "r"(row_bytes), "i"(kRegister)
               : "memory");
}
template <int kRegister>
void store(void* to, std::int64_t row_bytes) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
               :
               : "r"(to), "r"(row_bytes), "i"(kRegister)
               : "memory");
}
template <int kRegister>
void clear() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kRegister));
}
template <int kSum, int kX, int kY>
void add_product() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kX), "i"(kY));
}

bool may_use_tiles() {
  constexpr long kAskPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, asm/prctl.h
  return ::syscall(SYS_arch_prctl, kAskPermission, kTileData) == 0;
}

}  // namespace

bool has_amx() {
  static const bool has = cpu_has_bf16_tiles() && may_use_tiles();
  return has && packs_tiles();
}

AmxThread::AmxThread() { asm volatile("ldtilecfg %0" : : "m"(kWholeTiles)); }
AmxThread::~AmxThread() { asm volatile("sfence\n\ttilerelease" : : : "memory"); }

// Registers 0 to 3 hold the sums, 4 and 5 tiles of x, 6 and 7 of y: each tile that is loaded meets
// two others.
void AmxThread::multiply(const Factors& factors, bool accumulate, float* sums,
                         std::int64_t stride) const {
  constexpr std::int64_t kRowBytes = 64;
  const std::int64_t sum_bytes = stride * static_cast<std::int64_t>(sizeof(float));
  float* const lower = sums + kAmxRows * stride;
  if (accumulate) {
    load<0>(sums, sum_bytes), load<1>(sums + kAmxRows, sum_bytes);
    load<2>(lower, sum_bytes), load<3>(lower + kAmxRows, sum_bytes);
  } else {
    clear<0>(), clear<1>(), clear<2>(), clear<3>();
  }
  for (std::int64_t at = 0; at < factors.tiles * kAmxTile; at += kAmxTile) {
    load<4>(factors.x[0] + at, kRowBytes), load<6>(factors.y[0] + at, kRowBytes);
    add_product<0, 4, 6>();
    load<7>(factors.y[1] + at, kRowBytes);
    add_product<1, 4, 7>();
    load<5>(factors.x[1] + at, kRowBytes);
    add_product<2, 5, 6>();
    add_product<3, 5, 7>();
  }
  store<0>(sums, sum_bytes), store<1>(sums + kAmxRows, sum_bytes);
  store<2>(lower, sum_bytes), store<3>(lower + kAmxRows, sum_bytes);
}

// A CPU with AMX has vectors of a cache line.
void AmxThread::copy_far(const float* sums, float* out, std::int64_t stride) {
  for (int row = 0; row < 2 * kAmxRows; ++row, sums += 2 * kAmxRows, out += stride) {
    asm volatile(
        "vmovups (%0), %%zmm16\n\t"
        "vmovups 64(%0), %%zmm17\n\t"
        "vmovntps %%zmm16, (%1)\n\t"
        "vmovntps %%zmm17, 64(%1)"
        :
        : "r"(sums), "r"(out)
        : "memory");
  }
}

#else

bool has_amx() { return false; }
AmxThread::AmxThread() { throw internal_error("AMX: this program was built without it"); }
AmxThread::~AmxThread() = default;
void AmxThread::multiply(const Factors&, bool, float*, std::int64_t) const {}
void AmxThread::copy_far(const float*, float*, std::int64_t) {}

#endif

}  // namespace bantam::cpu
