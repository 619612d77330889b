// Products by oneDNN. This is the one file that knows it.
//
// oneDNN threads a product as it likes, cutting the inner axis too when that looks faster, and then
// the sums depend on the number of threads. So the output is cut here into tiles of fixed size, and
// each tile is one sequential call.
#include "bantam/tensor/cpu/gemm.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_gemm.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/narrow_products.h"
#include "bantam/tensor/cpu/output_tiles.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam {
namespace {

std::atomic<MatmulPrecision> chosen_precision{MatmulPrecision::automatic};

}  // namespace

void set_matmul_precision(MatmulPrecision precision) {
  if (precision == MatmulPrecision::bf16 && !cpu_multiplies_bf16()) {
    throw usage_error(
        "matmul precision: expected f32, i16 where there is AVX2, or automatic; found bf16: this "
        "CPU has neither AVX512-BF16 nor AMX");
  }
  if (precision == MatmulPrecision::i16 && !cpu_multiplies_integers()) {
    throw usage_error(
        "matmul precision: expected f32 or automatic, found i16: this CPU has neither AVX2 nor, if "
        "it has AVX-512, VNNI");
  }
  if (precision == MatmulPrecision::i8) {
    throw usage_error(
        "matmul precision: expected f32, bf16, i16 or automatic, found i8: products of a forward "
        "pass would be too coarse; automatic forms gradients in it where the CPU can");
  }
  chosen_precision = precision;
}

bool cpu_multiplies_bf16() {
  static const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || cpu_has_bf16_tiles();
}

bool cpu_has_bf16_tiles() {
  static const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_amx;
}

std::string_view name_of(MatmulPrecision precision) {
  switch (precision) {
    case MatmulPrecision::f32:
      return "f32";
    case MatmulPrecision::bf16:
      return "bf16";
    case MatmulPrecision::i16:
      return "i16";
    case MatmulPrecision::i8:
      return "i8";
    case MatmulPrecision::automatic:
      break;
  }
  return "auto";
}

bool matmul_precision_is_automatic() { return chosen_precision == MatmulPrecision::automatic; }

MatmulPrecision matmul_precision() {
  const MatmulPrecision precision = chosen_precision;
  if (precision != MatmulPrecision::automatic) return precision;
  const Rounding rounding = RoundActivations::in_force();
  if (rounding == Rounding::none) return MatmulPrecision::f32;
  if (rounding == Rounding::training && cpu_has_bf16_tiles()) return MatmulPrecision::bf16;
  return cpu_multiplies_integers() ? MatmulPrecision::i16 : MatmulPrecision::f32;
}

MatmulPrecision gradient_precision() {
  const MatmulPrecision precision = matmul_precision();
  const bool takes_bytes = precision == MatmulPrecision::i16 && matmul_precision_is_automatic();
  return takes_bytes ? MatmulPrecision::i8 : precision;
}

MatmulPrecision attention_precision() {
  const MatmulPrecision precision = matmul_precision();
  if (precision == MatmulPrecision::bf16 && cpu_has_bf16_tiles()) return precision;
  return precision == MatmulPrecision::i16 ? precision : MatmulPrecision::f32;
}

}  // namespace bantam

namespace bantam::cpu {
namespace {

void require(dnnl_status_t status) {
  if (status != dnnl_success) {
    throw internal_error("gemm: oneDNN refused a product (status {})", static_cast<int>(status));
  }
}

// Element (row, column) of a view, transposed or not.
template <class View>
auto* at(const View& view, std::int64_t row, std::int64_t column) {
  return view.data + (view.transposed ? column * view.stride + row : row * view.stride + column);
}

// While alive, oneDNN starts no threads of its own: the team's would wait for a core.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// Tiles of oneDNN's products; 16 is a multiple of what its kernels hold in registers.
template <class Tile>
void for_each_sequential_tile(std::int64_t m, std::int64_t n, const Tile& tile) {
  for_each_tile(m, 16, n, 16, [&](const OutputTile& at) {
    const OneThread alone;
    tile(at.row, at.rows, at.column, at.columns);
  });
}

}  // namespace

void gemm_f32(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate) {
  if (is_empty_product(m, n, k, c, c_stride, accumulate)) return;
  for_each_sequential_tile(
      m, n, [&](std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
        require(dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', rows, columns, k,
                           1.0f, at(a, row, 0), a.stride, at(b, 0, column), b.stride,
                           accumulate ? 1.0f : 0.0f, c + row * c_stride + column, c_stride));
      });
}

bool packing_pays(std::int64_t m, std::int64_t n, std::int64_t k) {
  // An element of a is packed once and multiplied n times, one of b m times: what has to pay, and
  // does from here on (measured).
  return m * n >= 96 * (m + n) && k >= 32;
}

void multiply(MatmulPrecision precision, std::int64_t m, std::int64_t n, std::int64_t k,
              MatrixView a, MatrixView b, float* c, std::int64_t c_stride, bool accumulate) {
  const bool pays = packing_pays(m, n, k);
  if (pays && precision == MatmulPrecision::bf16 && has_amx()) {
    gemm_amx(m, n, k, a, b, c, c_stride, accumulate);
  } else if (pays && precision == MatmulPrecision::i8) {
    gemm_i8(m, n, k, a, b, c, c_stride, accumulate);
  } else if (pays && precision == MatmulPrecision::i16) {
    const I16Group group = matmul_precision_is_automatic() ? I16Group::fast : I16Group::exact;
    gemm_i16(m, n, k, a, b, c, c_stride, accumulate, group);
  } else if (!multiply_narrow(m, n, k, a, b, c, c_stride, accumulate)) {
    gemm_f32(m, n, k, a, b, c, c_stride, accumulate);
  }
}

namespace {

using ProductKey = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                              std::int64_t, bool, bool, bool>;

dnnl::memory::desc matrix_layout(std::int64_t rows, std::int64_t columns, const Bf16View& view) {
  return {
      {rows, columns},
      dnnl::memory::data_type::bf16,
      view.transposed ? dnnl::memory::dims{1, view.stride} : dnnl::memory::dims{view.stride, 1}};
}

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

// Making a primitive takes longer than a small product; shapes repeat from step to step.
dnnl::matmul product(const ProductKey& key, const dnnl::matmul::desc& operation, bool accumulate) {
  thread_local std::vector<std::pair<ProductKey, dnnl::matmul>> recent;
  for (const auto& [known, primitive] : recent) {
    if (known == key) return primitive;
  }
  dnnl::primitive_attr attributes;
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  dnnl::matmul primitive(dnnl::matmul::primitive_desc(operation, attributes, engine()));
  if (recent.size() >= 256) recent.erase(recent.begin(), recent.begin() + 128);
  recent.emplace_back(key, primitive);
  return primitive;
}

}  // namespace

void gemm_bf16(std::int64_t m, std::int64_t n, std::int64_t k, Bf16View a, Bf16View b, float* c,
               std::int64_t c_stride, bool accumulate) {
  if (is_empty_product(m, n, k, c, c_stride, accumulate)) return;
  const auto multiply = [&](std::int64_t row, std::int64_t rows, std::int64_t column,
                            std::int64_t columns) {
    const dnnl::memory::desc a_layout = matrix_layout(rows, k, a);
    const dnnl::memory::desc b_layout = matrix_layout(k, columns, b);
    const dnnl::memory::desc c_layout({rows, columns}, dnnl::memory::data_type::f32,
                                      dnnl::memory::dims{c_stride, 1});
    const ProductKey key{rows,         columns,      k,         a.stride, b.stride, c_stride,
                         a.transposed, b.transposed, accumulate};
    const dnnl::matmul primitive =
        product(key, dnnl::matmul::desc(a_layout, b_layout, c_layout), accumulate);
    const auto memory = [](const dnnl::memory::desc& layout, const void* data) {
      return dnnl::memory(layout, engine(), const_cast<void*>(data));  // oneDNN takes no const
    };
    dnnl::stream stream(engine());
    primitive.execute(stream, {{DNNL_ARG_SRC, memory(a_layout, at(a, row, 0))},
                               {DNNL_ARG_WEIGHTS, memory(b_layout, at(b, 0, column))},
                               {DNNL_ARG_DST, memory(c_layout, c + row * c_stride + column)}});
    stream.wait();
  };
  try {
    for_each_sequential_tile(m, n, multiply);
  } catch (const dnnl::error& error) {
    throw internal_error("gemm: oneDNN refused a bf16 product [{}, {}] x [{}, {}]: {}", m, k, k, n,
                         error.what());
  }
}

void gemm_f64(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, const double* b,
              double* c, bool accumulate) {
  constexpr std::int64_t kDepth = 128;  // rows of b that stay in cache while they are added up
  parallel_for(m, 16, [&](std::int64_t begin, std::int64_t end) {
    if (!accumulate) std::fill(c + begin * n, c + end * n, 0.0);
    for (std::int64_t depth = 0; depth < k; depth += kDepth) {
      for (std::int64_t i = begin; i < end; ++i) {
        double* row = c + i * n;
        for (std::int64_t l = depth; l < std::min(depth + kDepth, k); ++l) {
          const double factor = a[i * k + l];
          for (std::int64_t j = 0; j < n; ++j) row[j] += factor * b[l * n + j];
        }
      }
    }
  });
}

void round_to_bf16(const float* values, std::int64_t count, std::uint16_t* out) {
  parallel_for(count, 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = float_to_bf16(values[i]);
  });
}

namespace {

Tensor transposed_copy(const Tensor& x) {
  return x.window({x.size(1), x.size(0)}, std::vector<std::int64_t>{1, x.size(1)}, 0).clone();
}

// c := a b or, to accumulate, c += a b.
void form_product(MatmulPrecision precision, const Tensor& a, bool transpose_a, const Tensor& b,
                  bool transpose_b, bool accumulate, Tensor& c) {
  const std::int64_t m = c.size(0), n = c.size(1), k = a.size(transpose_a ? 0 : 1);
  if (a.dtype() == DType::f64) {
    const Tensor plain_a = transpose_a ? transposed_copy(a) : a;
    const Tensor plain_b = transpose_b ? transposed_copy(b) : b;
    gemm_f64(m, n, k, plain_a.data<double>(), plain_b.data<double>(), c.data<double>(), accumulate);
    return;
  }
  if (precision == MatmulPrecision::bf16 && packing_pays(m, n, k) && !has_amx()) {
    Tensor short_a = Tensor::empty(a.shape(), DType::bf16);
    Tensor short_b = Tensor::empty(b.shape(), DType::bf16);
    round_to_bf16(a.data<float>(), a.count(), short_a.data<std::uint16_t>());
    round_to_bf16(b.data<float>(), b.count(), short_b.data<std::uint16_t>());
    gemm_bf16(m, n, k, {short_a.data<std::uint16_t>(), a.size(1), transpose_a},
              {short_b.data<std::uint16_t>(), b.size(1), transpose_b}, c.data<float>(), n,
              accumulate);
    return;
  }
  multiply(precision, m, n, k, {a.data<float>(), a.size(1), transpose_a},
           {b.data<float>(), b.size(1), transpose_b}, c.data<float>(), n, accumulate);
}

}  // namespace

Tensor gemm(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  Tensor c = Tensor::empty({a.size(transpose_a ? 1 : 0), b.size(transpose_b ? 0 : 1)}, a.dtype());
  form_product(matmul_precision(), a, transpose_a, b, transpose_b, false, c);
  return c;
}

Tensor linear_weight_gradient(const Tensor& dy, const Tensor& x) {
  Tensor dw = Tensor::empty({dy.size(1), x.size(1)}, dy.dtype());
  form_product(gradient_precision(), dy, true, x, false, false, dw);
  return dw;
}

void add_linear_weight_gradient(const Tensor& dy, const Tensor& x, Tensor& sum) {
  form_product(gradient_precision(), dy, true, x, false, true, sum);
}

}  // namespace bantam::cpu
