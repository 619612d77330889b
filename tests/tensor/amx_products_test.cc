// Products by AMX against products of the same bf16 factors in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_gemm.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr DType kTypes[] = {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
                            DType::q8_0, DType::q4_k, DType::q6_k};

class AmxProducts : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::has_amx()) GTEST_SKIP() << "this CPU has no AMX";
  }
};

Tensor drawn(const Shape& shape, std::string_view name) {
  const RandomStream normal(1, name);
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(normal.normal_at(i));
  }
  return Tensor::from(std::span<const float>(values), shape);
}

Tensor passage(const Tensor& x, const Tensor& w) {
  const RoundActivations scope(Rounding::passage);
  return linear(x, w);
}

std::vector<double> in_bf16(const Tensor& x) {
  std::vector<double> values = x.values();
  for (double& value : values) value = bf16_to_float(float_to_bf16(static_cast<float>(value)));
  return values;
}

// Every element of x wᵀ: what bf16 factors give, within the rounding of f32 sums of so many terms.
void expect_product_of_bf16(const Tensor& y, const Tensor& x, const Tensor& w,
                            std::string_view of) {
  const std::vector<double> a = in_bf16(x), b = in_bf16(w), found = y.values();
  const std::int64_t rows = x.size(0), width = x.size(1), outputs = w.size(0);
  for (std::int64_t t = 0; t < rows; ++t) {
    for (std::int64_t n = 0; n < outputs; ++n) {
      double sum = 0, magnitude = 0;
      for (std::int64_t k = 0; k < width; ++k) {
        const double term =
            a[static_cast<std::size_t>(t * width + k)] * b[static_cast<std::size_t>(n * width + k)];
        sum += term;
        magnitude += std::abs(term);
      }
      const double bound = static_cast<double>(width) * std::ldexp(magnitude, -24);
      ASSERT_NEAR(found[static_cast<std::size_t>(t * outputs + n)], sum, bound)
          << of << " " << y.shape().text() << " at " << t << ", " << n;
    }
  }
}

TEST_F(AmxProducts, AreThoseOfBf16Factors) {
  for (const DType type : kTypes) {
    for (const std::int64_t rows : {1, 16, 33, 70}) {
      for (const std::int64_t outputs : {5, 16, 40, 100}) {
        const Tensor x = drawn({rows, 512}, "x"), w = quantize(drawn({outputs, 512}, "w"), type);
        expect_product_of_bf16(passage(x, w), x, w, info(type).name);
      }
    }
  }
}

TEST_F(AmxProducts, AddUpMoreGroupsThanAPanelHas) {
  const Tensor x = drawn({40, 4864}, "x"), w = quantize(drawn({50, 4864}, "w"), DType::q4_k);
  expect_product_of_bf16(passage(x, w), x, w, "three panels");
}

TEST_F(AmxProducts, ARowHasTheSameBitsHoweverManyThereAre) {
  const Tensor x = drawn({70, 2304}, "x"), w = quantize(drawn({300, 2304}, "w"), DType::q4_1);
  const Tensor all = passage(x, w);
  for (const std::int64_t row : {0, 17, 69}) {
    const std::int32_t index[] = {static_cast<std::int32_t>(row)};
    const Tensor one = index_rows(x, Tensor::from(std::span<const std::int32_t>(index), {1}));
    EXPECT_EQ(passage(one, w).values(),
              index_rows(all, Tensor::from(std::span<const std::int32_t>(index), {1})).values());
  }
}

TEST_F(AmxProducts, DoNotDependOnTheNumberOfThreads) {
  const Tensor x = drawn({70, 512}, "x"), w = quantize(drawn({1000, 512}, "w"), DType::q6_k);
  const Tensor expected = passage(x, w);
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    EXPECT_EQ(passage(x, w).values(), expected.values()) << threads << " threads";
  }
  set_thread_count(0);
}

TEST_F(AmxProducts, PassNanOn) {
  Tensor x = drawn({20, 64}, "x");
  x.data<float>()[3 * 64 + 5] = std::numeric_limits<float>::quiet_NaN();
  const Tensor w = quantize(drawn({24, 64}, "w"), DType::q4_0), y = passage(x, w);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    EXPECT_EQ(std::isnan(y.data<float>()[i]), i / 24 == 3) << i;
  }
}

// Elements of a matrix as a product sees it, of a view of its memory.
std::vector<double> seen(const Tensor& memory, bool transposed) {
  const std::vector<double> stored = in_bf16(memory);
  if (!transposed) return stored;
  const std::int64_t rows = memory.size(1), columns = memory.size(0);
  std::vector<double> values(stored.size());
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    values[static_cast<std::size_t>(i)] =
        stored[static_cast<std::size_t>(i % columns * rows + i / columns)];
  }
  return values;
}

TEST_F(AmxProducts, OfFloatsAreThoseOfBf16Factors) {
  struct Size {
    std::int64_t m, n, k;
  };
  constexpr std::int64_t kStride = 700;
  for (const Size size : {Size{1, 1, 1},
                          {16, 16, 32},
                          {33, 70, 65},
                          {64, 300, 96},
                          {100, 65, 2200},
                          {300, 520, 31}}) {
    const auto [m, n, k] = size;
    for (const bool turn_a : {false, true}) {
      for (const bool turn_b : {false, true}) {
        const Tensor a = drawn(turn_a ? Shape{k, m} : Shape{m, k}, "a"),
                     b = drawn(turn_b ? Shape{n, k} : Shape{k, n}, "b");
        const std::vector<double> left = seen(a, turn_a), right = seen(b, turn_b);
        for (const bool accumulate : {false, true}) {
          Tensor c = Tensor::full({m, kStride}, 3);
          cpu::gemm_amx(m, n, k, {a.data<float>(), a.size(1), turn_a},
                        {b.data<float>(), b.size(1), turn_b}, c.data<float>(), kStride, accumulate);
          for (std::int64_t i = 0; i < m; ++i) {
            for (std::int64_t j = 0; j < kStride; ++j) {
              double sum = accumulate ? 3 : 0, magnitude = 3;
              for (std::int64_t l = 0; j < n && l < k; ++l) {
                const double term = left[static_cast<std::size_t>(i * k + l)] *
                                    right[static_cast<std::size_t>(l * n + j)];
                sum += term, magnitude += std::abs(term);
              }
              const float found = c.data<float>()[i * kStride + j];
              const double bound = static_cast<double>(k) * std::ldexp(magnitude, -24);
              ASSERT_NEAR(found, j < n ? sum : 3, j < n ? bound : 0)
                  << m << " x " << n << " x " << k << ", " << turn_a << turn_b << accumulate
                  << " at " << i << ", " << j;
            }
          }
        }
      }
    }
  }
}

TEST_F(AmxProducts, OfFloatsDoNotDependOnTheNumberOfThreads) {
  const std::int64_t m = 200, n = 900, k = 700;
  const Tensor a = drawn({m, k}, "a"), b = drawn({k, n}, "b");
  std::vector<double> expected;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    Tensor c = Tensor::empty({m, n});
    cpu::gemm_amx(m, n, k, {a.data<float>(), k}, {b.data<float>(), n}, c.data<float>(), n, false);
    if (expected.empty()) expected = c.values();
    EXPECT_EQ(c.values(), expected) << threads << " threads";
  }
  set_thread_count(0);
}

// What any CPU has to keep to, with AMX or without.
TEST(Passages, StayNearTheProductWithoutRounding) {
  for (const DType type : kTypes) {
    const Tensor x = drawn({64, 1536}, "x"), w = quantize(drawn({96, 1536}, "w"), type);
    const std::vector<double> found = passage(x, w).values(), expected = linear(x, w).values();
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      error += (found[i] - expected[i]) * (found[i] - expected[i]);
      norm += expected[i] * expected[i];
    }
    // Half a percent of a normal value from rounding to 8 bits; bf16 leaves half of that.
    EXPECT_LT(std::sqrt(error / norm), cpu::has_amx() ? 0.003 : 0.006) << info(type).name;
  }
}

TEST(Passages, OfSeveralWeightsAreThoseOfEach) {
  const RoundActivations scope(Rounding::passage);
  const Tensor x = drawn({37, 256}, "x");
  const std::vector<Tensor> weights = {quantize(drawn({24, 256}, "a"), DType::q4_1),
                                       quantize(drawn({9, 256}, "b"), DType::q8_0),
                                       quantize(drawn({130, 256}, "c"), DType::q4_k)};
  const std::vector<Tensor> ys = linear_each(x, weights);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(ys[i].values(), linear(x, weights[i]).values());
  }
}

}  // namespace
}  // namespace bantam
