#include "bantam/tensor/cpu/amx.h"

#include "bantam/base/error.h"
#include "bantam/tensor/cpu/amx_instructions.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/ops/matmul.h"

#if BANTAM_KNOWS_AMX
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace bantam::cpu {

#if BANTAM_KNOWS_AMX

namespace {

// GCC 12 may drop what a configuration is made of, were it not for assembly.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr Configuration kWholeTiles;

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

void AmxThread::multiply(const Factors& factors, bool accumulate, float* sums,
                         std::int64_t stride) const {
  amx::begin_sums(accumulate, sums, stride);
  for (std::int64_t tile = 0; tile < factors.tiles; ++tile) {
    amx::add_tiles<amx::Passing::y>(factors, tile);
  }
  amx::store_sums(sums, stride);
}

namespace {

// Past the caches: memory that is not near is not fetched only to be overwritten. A CPU with AMX
// has vectors of a cache line.
inline void copy_row_far(const float* sums, float* out) {
  asm volatile(
      "vmovups (%0), %%zmm16\n\t"
      "vmovups 64(%0), %%zmm17\n\t"
      "vmovntps %%zmm16, (%1)\n\t"
      "vmovntps %%zmm17, 64(%1)"
      :
      : "r"(sums), "r"(out)
      : "memory");
}

}  // namespace

void FarProducts::multiply(const AmxThread::Factors& factors, float* out, std::int64_t stride) {
  amx::begin_sums(false, nullptr, 0);
  std::int64_t row = before_.out == nullptr ? kRows : 0;
  for (std::int64_t tile = 0; tile < factors.tiles; ++tile) {
    amx::add_tiles<amx::Passing::y>(factors, tile);
    row = copy_before(row, kRows * (tile + 1) / factors.tiles);
  }
  float* const sums = sums_[before_.sums == sums_[0] ? 1 : 0];
  amx::store_sums(sums, kRows);
  before_ = {sums, out, stride};
}

std::int64_t FarProducts::copy_before(std::int64_t row, std::int64_t last) {
  for (; row < last; ++row) {
    copy_row_far(before_.sums + row * kRows, before_.out + row * before_.stride);
  }
  return row;
}

FarProducts::~FarProducts() {
  if (before_.out != nullptr) copy_before(0, kRows);
}

#else

bool has_amx() { return false; }
AmxThread::AmxThread() { throw internal_error("AMX: this program was built without it"); }
AmxThread::~AmxThread() = default;
void AmxThread::multiply(const Factors&, bool, float*, std::int64_t) const {}
void FarProducts::multiply(const AmxThread::Factors&, float*, std::int64_t) {}
FarProducts::~FarProducts() = default;

#endif

}  // namespace bantam::cpu
