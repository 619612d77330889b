#include "bantam/nn/norm_layer.h"

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using op_tests::normal;

// x [T, H, E], a weight for each head [H, E].
OP_CASES(norm_of_each_head) {
  for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
    yield({normal({5, 3, 8}), normal({3, 8})}, [kind](const Tensor& x, const Tensor& weight) {
      return NormLayer{"norm", weight, {}}.forward(x, kind, 1e-5f, nullptr);
    });
  }
}

}  // namespace
}  // namespace bantam
