#include "bantam/tensor/cpu/amx_gemm.h"

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/output_tiles.h"

namespace bantam::cpu {

void gemm_amx(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate) {
  if (is_empty_product(m, n, k, c, c_stride, accumulate)) return;
  const PackedRows rows({a.data, m, k, a.stride, !a.transposed});
  const Vectors columns{b.data, n, k, b.stride, b.transposed};
  const OpenPanel open = [&](const AmxPanel& panel, std::uint16_t* tiles) {
    pack_panel(columns, panel, tiles);
  };
  // A sum over rows of both factors is the gradient of a weight: it is larger than caches, and read
  // when all the others are there. A result of a forward pass goes to memory that other layers left
  // long ago; it costs less to read it again than to fetch what it overwrites.
  const bool gradient = a.transposed && !b.transposed, forward = !a.transposed && b.transposed;
  const AmxOutput out{c, n, c_stride, accumulate, gradient || forward};
  const std::int64_t pairs = amx_pairs(n);
  parallel_for(pairs, pairs_of_panel(pairs, rows.view().groups),
               [&](std::int64_t first, std::int64_t last) {
                 multiply_pairs(rows.view(), first, last, open, out);
               });
}

}  // namespace bantam::cpu
