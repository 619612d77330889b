#include "bantam/recipe/bench/tile_peak.h"

#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/recipe/bench/rate.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

Spread measure_tile_peak(int threads, int repeat) {
  if (!cpu::has_amx()) return {};
  // Four lists of 8 tiles take 32 KiB.
  constexpr std::int64_t kTiles = 8, kRounds = 400, kRows = 2 * cpu::kAmxRows;
  constexpr double kOperations = 2.0 * kRows * kRows * kTiles * cpu::kAmxDepth;
  const ThreadCount set(threads);
  // Numbers as factors have them: of zeros, which switch fewer transistors, this CPU multiplies up
  // to a fifth more a second.
  Tensor tiles = Tensor::empty({threads, 4, kTiles * cpu::kAmxTile}, DType::bf16);
  RandomStream random(1, "tiles");
  for (std::uint16_t& value : tiles.span<std::uint16_t>()) {
    value = float_to_bf16(static_cast<float>(random.next_normal()));
  }
  return measure_rate(repeat, [&] {
    parallel_for(threads, 1, [&](std::int64_t thread, std::int64_t) {
      const cpu::AmxThread amx;
      const auto* list = tiles.data<std::uint16_t>() + thread * 4 * kTiles * cpu::kAmxTile;
      constexpr std::int64_t kList = kTiles * cpu::kAmxTile;
      float sums[kRows * kRows] = {};
      for (std::int64_t round = 0; round < kRounds; ++round) {
        amx.multiply({{list, list + kList}, {list + 2 * kList, list + 3 * kList}, kTiles}, true,
                     sums, kRows);
      }
    });
    return static_cast<double>(threads * kRounds) * kOperations;
  });
}

}  // namespace bantam
