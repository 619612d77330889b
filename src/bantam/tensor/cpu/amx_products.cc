#include "bantam/tensor/cpu/amx_products.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_open.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/row_kernels.h"

namespace bantam::cpu {
namespace {

// A weight in the list of all pairs of tiles that threads share.
struct Piece {
  OpenPanel open;
  AmxOutput out;
  std::int64_t first_pair, pairs;
};

}  // namespace

void amx_products(const AmxRows& x, std::span<const InterleavedProduct> products) {
  if (x.rows == 0) return;
  std::vector<Piece> pieces;
  pieces.reserve(products.size());
  std::int64_t pairs = 0;
  for (const auto& [weight, out] : products) {
    pieces.push_back({panel_opener(weight),
                      {out, weight.rows, weight.rows, false},
                      pairs,
                      amx_pairs(weight.rows)});
    pairs += pieces.back().pairs;
  }
  parallel_for(pairs, pairs_of_panel(pairs, x.groups), [&](std::int64_t begin, std::int64_t end) {
    for (const Piece& piece : pieces) {
      const std::int64_t first = std::max(begin - piece.first_pair, std::int64_t{0}),
                         last = std::min(end - piece.first_pair, piece.pairs);
      if (first < last) multiply_pairs(x, first, last, piece.open, piece.out);
    }
  });
}

PackedRows gated_amx_products(const AmxRows& x, const InterleavedWeight& gate,
                              const InterleavedWeight& up) {
  PackedRows out(x.rows, gate.rows);
  const OpenPanel open_gate = panel_opener(gate), open_up = panel_opener(up);
  const std::int64_t pairs = amx_pairs(gate.rows);
  // A pair of either stands in a panel, and is a group of the next product.
  static_assert(kAmxPair == kAmxDepth);
  const std::int64_t of_either = std::max<std::int64_t>(pairs_of_panel(2 * pairs, x.groups) / 2, 1);
  parallel_for(pairs, of_either, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t some = last - first, width = some * kAmxPair;
    const OpenPanel open = [&](const AmxPanel& panel, std::uint16_t* tiles) {
      const AmxPanel half{first, last, panel.begin, panel.end};
      open_gate(half, tiles);
      open_up(half, tiles + 2 * some * panel.of_tile());
    };
    multiply_pairs(x, 2 * some, open,
                   [&](std::int64_t row, std::int64_t rows, float* sums, std::int64_t stride) {
                     for (std::int64_t r = 0; r < rows; ++r) {
                       float* const of_row = sums + r * stride;
                       gate_elements(of_row, of_row + width, width, of_row);
                     }
                     pack_rows({sums, rows, width, stride, true}, out.view(), row, first);
                   });
  });
  return out;
}

}  // namespace bantam::cpu
