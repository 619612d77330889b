#include "bantam/tensor/cpu/amx_panels.h"

#include <algorithm>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/scratch.h"

namespace bantam::cpu {
namespace {

// A panel takes 1.25 MiB at most. With fewer groups it has more pairs, so that rows pass by few
// panels; groups that are too many for the fewest pairs are cut in parts.
constexpr std::int64_t kPairsOfTiles = 640, kFewestPairs = 9, kMostPairs = 28;

std::int64_t groups_at_once(std::int64_t pairs) { return kPairsOfTiles / pairs; }

bool begins_lines(const AmxOutput& out) {
  constexpr std::uintptr_t kLine = FarProducts::kAlignment;
  return reinterpret_cast<std::uintptr_t>(out.data) % kLine == 0 &&
         static_cast<std::uintptr_t>(out.stride) * sizeof(float) % kLine == 0;
}

// Sums of a pair of blocks and of tiles go to the output at once, or past the caches where that is
// far, or through memory of their own where there are fewer rows or columns.
void multiply_pair(const AmxThread& amx, FarProducts& far, const AmxThread::Factors& factors,
                   std::int64_t rows, const AmxOutput& out) {
  if (rows >= kAmxPair && out.columns >= kAmxPair) {
    if (out.far && !out.accumulate && begins_lines(out)) {
      far.multiply(factors, out.data, out.stride);
    } else {
      amx.multiply(factors, out.accumulate, out.data, out.stride);
    }
    return;
  }
  alignas(FarProducts::kAlignment) float whole[kAmxPair * kAmxPair];
  rows = std::min<std::int64_t>(rows, kAmxPair);
  const std::int64_t columns = std::min<std::int64_t>(out.columns, kAmxPair);
  for (std::int64_t r = 0; out.accumulate && r < rows; ++r) {
    std::copy_n(out.data + r * out.stride, columns, whole + r * kAmxPair);
  }
  amx.multiply(factors, out.accumulate, whole, kAmxPair);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(whole + r * kAmxPair, columns, out.data + r * out.stride);
  }
}

// Where a thread opens its panels, and has sums that are handed on.
struct PanelMemory {
  Scratch tiles, sums;

  static PanelMemory& of_thread() {
    thread_local PanelMemory memory;
    return memory;
  }
};

// Rows first … last of x go to the output's from 0 on; `first` is a multiple of a pair.
struct SomeRows {
  std::int64_t first, last;
};

void multiply_panel(const AmxThread& amx, const AmxRows& x, SomeRows some, const AmxPanel& panel,
                    const std::uint16_t* tiles, const AmxOutput& out) {
  // Sums of some groups after the other meet in the output, which must be near for that.
  const bool far = out.far && panel.begin == 0 && panel.end == x.groups;
  const AmxParts parts(panel.end - panel.begin, far ? x.groups : AmxThread::kTilesKept);
  FarProducts far_products(amx);
  for (std::int64_t row = 0; row < some.last - some.first; row += kAmxPair) {
    const std::int64_t block = (some.first + row) / kAmxRows;
    for (std::int64_t begin = panel.begin; begin < panel.end; begin += parts.at_once) {
      const std::int64_t end = std::min(begin + parts.at_once, panel.end);
      for (std::int64_t pair = panel.first_pair; pair < panel.last_pair; ++pair) {
        const std::int64_t column = pair * kAmxPair;
        const std::uint16_t* of_pair = tiles + 2 * (pair - panel.first_pair) * panel.of_tile() +
                                       (begin - panel.begin) * kAmxTile;
        const AmxThread::Factors factors{{x.tile(block, begin), x.tile(block + 1, begin)},
                                         {of_pair, of_pair + panel.of_tile()},
                                         end - begin};
        multiply_pair(amx, far_products, factors, some.last - some.first - row,
                      {out.data + row * out.stride + column, out.columns - column, out.stride,
                       out.accumulate || begin > 0, far});
      }
    }
  }
}

}  // namespace

std::int64_t pairs_of_panel(std::int64_t pairs, std::int64_t groups) {
  const std::int64_t threads = thread_count(),
                     fitting = kPairsOfTiles / std::max<std::int64_t>(groups, 1),
                     most = threads * std::clamp(fitting, kFewestPairs, kMostPairs),
                     rounds = std::max<std::int64_t>((pairs + most - 1) / most, 1);
  return std::max<std::int64_t>((pairs + threads * rounds - 1) / (threads * rounds), 1);
}

void multiply_pairs(const AmxRows& x, std::int64_t first, std::int64_t last, const OpenPanel& open,
                    const AmxOutput& out) {
  const AmxThread amx;
  const AmxParts parts(x.groups, groups_at_once(last - first));
  auto* const tiles = PanelMemory::of_thread().tiles.at_least<std::uint16_t>(
      2 * (last - first) * parts.at_once * kAmxTile);
  for (std::int64_t begin = 0; begin < x.groups; begin += parts.at_once) {
    const AmxPanel panel{first, last, begin, std::min(begin + parts.at_once, x.groups)};
    open(panel, tiles);
    multiply_panel(amx, x, {0, x.rows}, panel, tiles, out);
  }
}

void multiply_pairs(const AmxRows& x, std::int64_t pairs, const OpenPanel& open,
                    const TakeSums& take) {
  constexpr std::int64_t kRows = 128;
  const AmxThread amx;
  const AmxParts parts(x.groups, groups_at_once(pairs));
  const std::int64_t columns = pairs * kAmxPair,
                     at_once = parts.count == 1 ? kRows : std::max<std::int64_t>(x.rows, 1);
  PanelMemory& memory = PanelMemory::of_thread();
  auto* const tiles = memory.tiles.at_least<std::uint16_t>(2 * pairs * parts.at_once * kAmxTile);
  auto* const sums = memory.sums.at_least<float>(std::min(at_once, x.rows) * columns);
  for (std::int64_t row = 0; row < x.rows; row += at_once) {
    const SomeRows some{row, std::min(row + at_once, x.rows)};
    for (std::int64_t begin = 0; begin < x.groups; begin += parts.at_once) {
      const AmxPanel panel{0, pairs, begin, std::min(begin + parts.at_once, x.groups)};
      if (row == 0) open(panel, tiles);
      multiply_panel(amx, x, some, panel, tiles, {sums, columns, columns, false});
    }
    take(row, some.last - some.first, sums, columns);
  }
}

}  // namespace bantam::cpu
