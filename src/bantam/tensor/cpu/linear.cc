// Products with a weight of any type.
//
// Few rows (decoding): each row of the weight is read once and meets all rows of x in registers
// (row_dots.h). Many rows: panels of the weight are decoded to f32, or bf16 where the CPU
// multiplies it, and multiplied by oneDNN; decoding then costs a few percent of the product.
// Answers, and the forward pass of training over a quantized weight, round x to 8 bits and multiply
// integers (interleaved_weight.h), whatever the rows; or long runs of rows, where the CPU has AMX,
// both factors to bf16 (amx_products.h).
#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_products.h"
#include "bantam/tensor/cpu/decode.h"
#include "bantam/tensor/cpu/gemm.h"
#include "bantam/tensor/cpu/interleaved_decode.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/row_dots.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam::cpu {
namespace {

// Elements of a panel: 4 MiB of f32 stays in a last-level cache between decoding and product, and
// covers a whole matrix of a small model.
constexpr std::int64_t kPanelElements = std::int64_t{1} << 20;
// Rows of x from which decoding a panel pays; measured.
constexpr std::int64_t kPanelRows = 12;

std::int64_t panel_height(const Tensor& weight) {
  const std::int64_t rows =
      std::max<std::int64_t>(kPanelElements / std::max<std::int64_t>(weight.size(1), 1), 1);
  return std::min(weight.size(0), (rows + 15) / 16 * 16);
}

// Rows of the weight a thread decodes at a time.
constexpr std::int64_t kDecodeRows = 16;

// Decodes rows first … last of a weight. `first` is a multiple of kDecodeRows.
using RowDecoder = std::function<void(std::int64_t first, std::int64_t last, float* out)>;

RowDecoder stored_rows(const Tensor& weight) {
  return [decode = decoder(weight.dtype()), weight](std::int64_t first, std::int64_t last,
                                                    float* out) {
    const std::int64_t width = weight.size(1);
    decode(weight.bytes() + bytes_of(weight.dtype(), first * width), (last - first) * width, out);
  };
}

RowDecoder interleaved_rows(const Tensor& weight) {
  return [&kept = interleaved(weight)](std::int64_t first, std::int64_t last, float* out) {
    decode_interleaved(kept, first, last - first, out);
  };
}

void decode_panel(const RowDecoder& decode, std::int64_t begin, Tensor& panel, std::int64_t rows) {
  const std::int64_t width = panel.size(1);
  if (panel.dtype() == DType::f32) {
    float* out = panel.data<float>();
    parallel_for(rows, kDecodeRows, [&](std::int64_t first, std::int64_t last) {
      decode(begin + first, begin + last, out + first * width);
    });
    return;
  }
  auto* out = panel.data<std::uint16_t>();
  parallel_for(rows, kDecodeRows, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> values(static_cast<std::size_t>((last - first) * width));
    decode(begin + first, begin + last, values.data());
    std::ranges::transform(values, out + first * width, float_to_bf16);
  });
}

// Calls product(panel, first row, rows) for every panel of a weight that is not f32, in order.
template <class Element, class Product>
void for_each_panel(const Tensor& weight, const RowDecoder& decode, Product product) {
  const std::int64_t height = panel_height(weight), width = weight.size(1);
  const DType type = sizeof(Element) == 4 ? DType::f32 : DType::bf16;
  Tensor panel = Tensor::empty({height, width}, type);
  for (std::int64_t begin = 0; begin < weight.size(0); begin += height) {
    const std::int64_t rows = std::min(height, weight.size(0) - begin);
    decode_panel(decode, begin, panel, rows);
    product(std::as_const(panel).data<Element>(), begin, rows);
  }
}

Tensor as_f64(const Tensor& weight) {
  if (weight.dtype() == DType::f64) return weight;
  const std::vector<double> values = weight.values();
  return Tensor::from(std::span<const double>(values), weight.shape());
}

// A product of so many rows with the weight or, for a gradient, with its transpose, by oneDNN;
// multiply() takes floats where there is AMX.
bool multiplies_bf16(std::int64_t rows, const Tensor& weight, MatmulPrecision precision) {
  return precision == MatmulPrecision::bf16 && !has_amx() &&
         packing_pays(rows, weight.size(0), weight.size(1));
}
bool multiplies_transpose_bf16(std::int64_t rows, const Tensor& weight, MatmulPrecision precision) {
  return precision == MatmulPrecision::bf16 && !has_amx() &&
         packing_pays(rows, weight.size(1), weight.size(0));
}

Tensor rounded_to_bf16(const Tensor& x) {
  Tensor out = Tensor::empty(x.shape(), DType::bf16);
  round_to_bf16(x.data<float>(), x.count(), out.data<std::uint16_t>());
  return out;
}

Tensor input_gradient_by_panels(const Tensor& dy, const Tensor& weight, const RowDecoder& decode) {
  const MatmulPrecision precision = gradient_precision();
  const std::int64_t rows = dy.size(0), width = weight.size(1), outputs = weight.size(0);
  Tensor dx = outputs == 0 ? Tensor::zeros({rows, width}) : Tensor::empty({rows, width});
  float* out = dx.data<float>();
  if (multiplies_transpose_bf16(rows, weight, precision)) {
    const Tensor rounded = rounded_to_bf16(dy);
    const std::uint16_t* left = rounded.data<std::uint16_t>();
    for_each_panel<std::uint16_t>(
        weight, decode, [&](const std::uint16_t* panel, std::int64_t begin, std::int64_t height) {
          gemm_bf16(rows, width, height, {left + begin, outputs}, {panel, width}, out, width,
                    begin != 0);
        });
    return dx;
  }
  const float* left = dy.data<float>();
  for_each_panel<float>(weight, decode,
                        [&](const float* panel, std::int64_t begin, std::int64_t height) {
                          multiply(precision, rows, width, height, {left + begin, outputs},
                                   {panel, width}, out, width, begin != 0);
                        });
  return dx;
}

// Every row of y := bias; the product is then added.
void fill_rows(const Tensor& bias, Tensor& y) {
  const std::int64_t width = y.size(1);
  const float* values = bias.data<float>();
  float* out = y.data<float>();
  parallel_for(y.size(0), 64, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) std::copy_n(values, width, out + row * width);
  });
}

void add_to_rows(const Tensor& bias, Tensor& y) {
  const std::int64_t width = y.size(1);
  const float* values = bias.data<float>();
  for (std::int64_t row = 0; row < y.size(0); ++row) {
    float* out = y.data<float>() + row * width;
    for (std::int64_t i = 0; i < width; ++i) out[i] += values[i];
  }
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.dtype() == DType::f64) return gemm(x, false, as_f64(weight), true);
  const std::int64_t rows = x.size(0), width = x.size(1), outputs = weight.size(0);
  Tensor y = Tensor::empty({rows, outputs});
  float* out = y.data<float>();
  if (rows < kPanelRows) {
    row_dots(x.data<float>(), rows, weight, out);
    if (bias.defined()) add_to_rows(bias, y);
    return y;
  }
  const MatmulPrecision precision = matmul_precision();
  const bool add = bias.defined();
  if (add) fill_rows(bias, y);
  if (multiplies_bf16(rows, weight, precision)) {
    const Tensor rounded = rounded_to_bf16(x);
    const Bf16View left{rounded.data<std::uint16_t>(), width};
    for_each_panel<std::uint16_t>(
        weight, stored_rows(weight),
        [&](const std::uint16_t* panel, std::int64_t begin, std::int64_t height) {
          gemm_bf16(rows, height, width, left, {panel, width, true}, out + begin, outputs, add);
        });
  } else if (weight.dtype() == DType::f32) {
    multiply(precision, rows, outputs, width, {x.data<float>(), width},
             {weight.data<float>(), width, true}, out, outputs, add);
  } else {
    const MatrixView left{x.data<float>(), width};
    for_each_panel<float>(weight, stored_rows(weight),
                          [&](const float* panel, std::int64_t begin, std::int64_t height) {
                            multiply(precision, rows, height, width, left, {panel, width, true},
                                     out + begin, outputs, add);
                          });
  }
  return y;
}

void add_linear(const Tensor& x, const Tensor& weight, Tensor& y) {
  const std::int64_t rows = x.size(0), width = x.size(1), outputs = weight.size(0);
  if (rows < kPanelRows || multiplies_bf16(rows, weight, matmul_precision())) {
    const Tensor product = linear(x, weight, {});
    const float* part = product.data<float>();
    float* total = y.data<float>();
    parallel_for(y.count(), 16384, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) total[i] += part[i];
    });
    return;
  }
  multiply(matmul_precision(), rows, outputs, width, {x.data<float>(), width},
           {weight.data<float>(), width, true}, y.data<float>(), outputs, true);
}

std::vector<Tensor> rounded_linears(const Tensor& x, std::span<const Tensor> weights,
                                    Rounding rounding) {
  std::vector<Tensor> ys;
  ys.reserve(weights.size());
  for (const Tensor& weight : weights) ys.push_back(Tensor::empty({x.size(0), weight.size(0)}));
  std::vector<InterleavedProduct> products;
  products.reserve(weights.size());
  for (std::size_t i = 0; i < ys.size(); ++i) {
    products.push_back({interleaved(weights[i]), ys[i].data<float>()});
  }
  if (rounding != Rounding::rows && has_amx()) {
    const PackedRows rows({x.data<float>(), x.size(0), x.size(1), x.size(1), true});
    amx_products(rows.view(), products);
    return ys;
  }
  interleaved_products({x.data<float>(), x.size(0), x.size(1), rows_side_by_side()}, products);
  return ys;
}

Tensor linear_input_gradient(const Tensor& dy, const Tensor& weight) {
  if (dy.dtype() == DType::f64) return gemm(dy, false, as_f64(weight), false);
  const MatmulPrecision precision = gradient_precision();
  if (weight.dtype() != DType::f32 || multiplies_transpose_bf16(dy.size(0), weight, precision)) {
    return input_gradient_by_panels(dy, weight, stored_rows(weight));
  }
  const std::int64_t rows = dy.size(0), width = weight.size(1), outputs = weight.size(0);
  Tensor dx = Tensor::empty({rows, width});
  multiply(precision, rows, width, outputs, {dy.data<float>(), outputs},
           {weight.data<float>(), width}, dx.data<float>(), width, false);
  return dx;
}

Tensor rounded_linear_input_gradient(const Tensor& dy, const Tensor& weight) {
  return input_gradient_by_panels(dy, weight, interleaved_rows(weight));
}

// A thread arranges a weight alone, pages of its memory and all: threads that share a weight wait
// for one another where the system hands out fresh pages. The largest come first, so that none is
// left alone at the end.
void prepare_rounded(std::span<const Tensor> weights) {
  std::vector<Tensor> largest_first(weights.begin(), weights.end());
  std::ranges::stable_sort(largest_first, std::ranges::greater(), &Tensor::byte_size);
  parallel_for(std::ssize(largest_first), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      interleaved(largest_first[static_cast<std::size_t>(i)]);
    }
  });
}

bool read_rounded_rows(const Tensor& weight, std::span<const std::int32_t> rows, float* out) {
  if (!multiplies_interleaved(weight.dtype())) return false;
  const InterleavedWeight* kept = find_interleaved(weight);
  if (kept == nullptr) return false;
  for (const std::int32_t row : rows) {
    decode_interleaved(*kept, row, 1, out);
    out += kept->width;
  }
  return true;
}

}  // namespace bantam::cpu
