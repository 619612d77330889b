#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // the targets of interleaved_kernels.cc; CPUs with AMX have this one
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_open.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "bantam/tensor/cpu/amx_open-inl.h"
#include "bantam/tensor/cpu/amx_open.h"

#ifndef BANTAM_TENSOR_CPU_AMX_OPEN_ONCE_
#define BANTAM_TENSOR_CPU_AMX_OPEN_ONCE_
namespace bantam::cpu {

// Groups first … last of a tile.
using OpenGroups = void (*)(const std::byte* tile, std::int64_t first, std::int64_t last,
                            std::uint16_t* out);

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL

template <class Form>
void open_groups(const std::byte* at, std::int64_t first, std::int64_t last, std::uint16_t* out) {
  GroupScales scales;
  for (std::int64_t group = first; group < last; ++group, out += kAmxTile) {
    for (int part = 0; part < kPartsOfGroup; ++part) open_part<Form>(at, group, part, scales, out);
  }
}

OpenGroups find(DType dtype) {
  return with_form(dtype, []<class Form>(Form) -> OpenGroups { return open_groups<Form>; });
}

#else

OpenGroups find(DType) { return nullptr; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {

HWY_EXPORT(find);

OpenPanel panel_opener(const InterleavedWeight& weight) {
  const OpenGroups open = HWY_DYNAMIC_DISPATCH(find)(weight.dtype);
  const std::int64_t last = (weight.rows + kAmxRows - 1) / kAmxRows - 1;
  return [=, &weight](const AmxPanel& panel, std::uint16_t* out) {
    for (std::int64_t tile = 2 * panel.first_pair; tile < 2 * panel.last_pair; ++tile) {
      // After an odd number there is room for one more, whose products go nowhere.
      open(weight.tiles + std::min(tile, last) * weight.tile_size, panel.begin, panel.end, out);
      out += panel.of_tile();
    }
  };
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
