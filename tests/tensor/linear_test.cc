#include "bantam/tensor/ops/linear.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bantam/tensor/cpu/gemm.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using testing::AllOf;
using testing::HasSubstr;

Tensor linear2(const Tensor& x, const Tensor& w) { return linear(x, w); }
Tensor linear3(const Tensor& x, const Tensor& w, const Tensor& b) { return linear(x, w, b); }

OP_CASES(linear) {
  for (const std::int64_t k : {1, 2, 3, 7, 16, 17, 33, 65}) {
    yield({normal({3, k}), normal({5, k})}, linear2);
    yield({normal({13, k}), normal({5, k})}, linear2);
  }
  // As narrow as the rank of an adapter, from either side.
  for (const std::int64_t rank : {1, 4, 8, 11, 16}) {
    yield({normal({50, 70}), normal({rank, 70})}, linear2);
    yield({normal({50, rank}), normal({70, rank})}, linear2);
    yield({normal({37, 100}), normal({rank, 100})}, linear2);
    yield({normal({37, rank}), normal({101, rank})}, linear2);
  }
  yield({normal({2, 3, 8}), normal({5, 8}), normal({5})}, linear3);
  yield({normal({8}), normal({5, 8})}, linear2);
  yield({normal({0, 8}), normal({5, 8})}, linear2);
  yield({normal({64, 33}), normal({400, 33})}, linear2);
  yield({normal({7, 5}), normal({3, 7})},
        [](const Tensor& x, const Tensor& w) { return linear(transpose(x, 0, 1), w); });
  yield({normal({4, 7}), normal({7, 3})},
        [](const Tensor& x, const Tensor& w) { return linear(x, transpose(w, 0, 1)); });
  for (const DType type :
       {DType::bf16, DType::f16, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0,
        DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl}) {
    for (const std::int64_t rows : {1, 3, 8, 13, 40}) {
      yield({normal({rows, 256}), encoded({9, 256}, type)}, linear2);
    }
    yield({normal({2, 512}), encoded({33, 512}, type)}, linear2);
  }
  for (const DType type : {DType::f16, DType::bf16}) {
    yield({normal({2, 13}), encoded({3, 13}, type)}, linear2);
    yield({normal({20, 13}), encoded({3, 13}, type)}, linear2);
  }
  for (const std::int64_t rows : {1, 8, 640}) {
    yield.timed({normal({rows, 576}), encoded({1536, 576}, DType::q4_1)}, linear2)
        .costs(static_cast<double>(rows) * 576 * 1536);
  }
  yield.timed({normal({640, 576}), normal({1536, 576})}, linear2).costs(640.0 * 576 * 1536);
}

// y as its only owner gives it up, whose memory is then taken.
Tensor add_linear_in_place(const Tensor& y, const Tensor& x, const Tensor& w) {
  return add_linear(scale(y, 2), x, w);
}
Tensor add_linear_to_copy(const Tensor& y, const Tensor& x, const Tensor& w) {
  return multiply(y, add_linear(y, x, w));
}

OP_CASES(add_linear) {
  for (const std::int64_t k : {1, 8, 33}) {
    for (const std::int64_t rows : {0, 1, 13, 50}) {
      yield({normal({rows, 70}), normal({rows, k}), normal({70, k})}, add_linear_in_place);
      yield({normal({rows, 70}), normal({rows, k}), normal({70, k})}, add_linear_to_copy);
    }
  }
  yield({normal({2, 9, 6}), normal({2, 9, 4}), normal({6, 4})}, add_linear_in_place);
  yield.timed({normal({512, 1536}), normal({512, 8}), normal({1536, 8})}, add_linear_in_place)
      .costs(512.0 * 8 * 1536);
}

TEST(AddLinear, RefusesToAddToAnotherShape) {
  try {
    add_linear(Tensor::zeros({13, 7}), Tensor::zeros({13, 4}), Tensor::zeros({8, 4}));
    FAIL() << "a product [13, 8] was added to [13, 7]";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("[13, 8]"), HasSubstr("[13, 7]")));
  }
}

// Blocks of any bytes, but none with elements whose products leave the range of f32.
Tensor blocks_of_any_bytes(const Shape& shape, DType type) {
  const RandomStream random(2, "blocks");
  const DTypeInfo& layout = info(type);
  const auto size = static_cast<std::size_t>(layout.block_bytes);
  Tensor blocks = Tensor::empty(shape, type);
  std::byte* bytes = blocks.writable_bytes();
  for (std::size_t i = 0; i < blocks.byte_size(); ++i) {
    bytes[i] = static_cast<std::byte>(random.bits_at(i));
  }
  std::vector<float> values(static_cast<std::size_t>(layout.block_elements));
  for (std::size_t at = 0; at < blocks.byte_size(); at += size) {
    dequantize_row(type, bytes + at, layout.block_elements, values.data());
    const bool is_usable =
        std::ranges::all_of(values, [](float value) { return std::fabs(value) < 1e12f; });
    if (!is_usable) std::memset(bytes + at, 0, size);
  }
  return blocks;
}

TEST(LinearOverQuantizedWeights, IsTheProductWithTheDequantizedWeightForEveryType) {
  RandomStream random(3, "x");
  for (const DTypeInfo& type : all_dtypes()) {
    if (!type.is_quantized) continue;
    const Tensor w = blocks_of_any_bytes({37, 768}, type.dtype), plain = dequantize(w);
    for (const std::int64_t rows : {1, 5, 40}) {
      const Tensor x = cast(normal({rows, 768})(random), DType::f32);
      const Tensor y = linear(x, w), expected = linear(cast(x, DType::f64), plain);
      // Sums of 768 products in another order, and x to bf16 where the CPU multiplies that: half a
      // unit of the last place an operand, relative to the norms.
      const bool is_rounded = rows >= 16 && matmul_precision() == MatmulPrecision::bf16;
      const double unit = is_rounded ? 0x1p-8 : 0x1p-23;
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t n = 0; n < 37; ++n) {
          double x_norm = 0, w_norm = 0;
          for (std::int64_t k = 0; k < 768; ++k) {
            x_norm += std::pow(x.data<float>()[row * 768 + k], 2);
            w_norm += std::pow(plain.data<float>()[n * 768 + k], 2);
          }
          ASSERT_NEAR(y.data<float>()[row * 37 + n], expected.data<double>()[row * 37 + n],
                      4 * unit * std::sqrt(x_norm * w_norm))
              << type.name << ", " << rows << " rows";
        }
      }
    }
  }
}

double length_of(const Tensor& x) {
  double sum = 0;
  for (const double value : x.values()) sum += value * value;
  return std::sqrt(sum);
}

// The largest of 64 normal values is 2.4 deviations or so, a level 2.4 / 127, and what rounding
// adds a deviation of level / sqrt(12): 0.55 % of each factor, 0.8 % of a product of two.
TEST(GradientsOfLinears, AreOffByTheRoundingOfBytesWhereAllowed) {
  if (gradient_precision() == MatmulPrecision::bf16) GTEST_SKIP() << "gradients are bf16 here";
  RandomStream random(4, "gradients");
  const Tensor x = cast(normal({256, 384})(random), DType::f32);
  const Tensor w = cast(normal({320, 384})(random), DType::f32);
  const Tensor dy = cast(normal({256, 320})(random), DType::f32);
  const auto gradients = [&](const Tensor& of_x, const Tensor& of_w, const Tensor& of_y) {
    Tape tape;
    GradientStore store;
    const Tensor input = of_x.as_variable(), weight = of_w.as_variable();
    {
      const Tape::Recording recording(tape);
      const Tensor y = linear(input, weight);
      tape.backward(y, store, of_y);
    }
    return std::pair(store.of(input), store.of(weight));
  };
  const auto in_double = [](const Tensor& t) { return cast(t, DType::f64); };
  const auto exact = gradients(in_double(x), in_double(w), in_double(dy));
  const RoundActivations rounded;
  const auto found = gradients(x, w, dy);
  const bool in_bytes = gradient_precision() == MatmulPrecision::i8;
  for (const auto& [one, expected] :
       {std::pair(found.first, exact.first), std::pair(found.second, exact.second)}) {
    const double error = length_of(subtract(in_double(one), expected)) / length_of(expected);
    // The largest of 64 normal numbers, or fewer, is 2.4 on average or less; its levels are
    // uniformly wrong by half of one, in both factors: 2.4 * sqrt(2 / 12) / levels, and a quarter
    // of that to spare.
    EXPECT_LT(error, in_bytes ? 1.25 / cpu::i8_rounding().largest_level : 0.0005);
    EXPECT_GT(error, in_bytes ? 0.002 : 0) << "formed more exactly, and slower, than asked for";
  }
}

TEST(LinearOverQuantizedWeights, GivesARowTheSameBitsInABatchOfAFew) {
  const RandomStream random(1, "rows");
  std::vector<float> values(8 * 512), weights(96 * 512);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(random.normal_at(i));
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(random.normal_at(10000 + i));
  }
  const Tensor x = Tensor::from(std::span<const float>(values), {8, 512});
  for (const DType type : {DType::q4_1, DType::q8_0, DType::q6_k}) {
    const Tensor w = quantize(Tensor::from(std::span<const float>(weights), {96, 512}), type);
    const Tensor together = linear(x, w);
    for (std::int64_t row = 0; row < 8; ++row) {
      EXPECT_EQ(linear(slice(x, 0, row, row + 1), w).values(),
                slice(together, 0, row, row + 1).values())
          << info(type).name << " row " << row;
    }
  }
}

TEST(LinearOverQuantizedWeights, CrossesPanelsOfALargeWeight) {
  // 1100 x 1024 does not fit one panel of 2^20 elements.
  const RandomStream random(2, "panels");
  std::vector<float> weights(1100 * 1024), values(16 * 1024), gradient(16 * 1100);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(random.uniform_at(i) - 0.5);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(random.uniform_at(i) - 0.5);
  }
  const Tensor w =
      quantize(Tensor::from(std::span<const float>(weights), {1100, 1024}), DType::q8_0);
  const Tensor x = Tensor::from(std::span<const float>(values), {16, 1024}).as_variable();
  const Tensor plain = dequantize(w);
  const auto run = [&](const Tensor& weight) {
    Tape tape;
    Tensor y;
    {
      const Tape::Recording recording(tape);
      y = linear(x, weight);
    }
    GradientStore store;
    tape.backward(y, store);
    return std::pair(y.values(), store.of(x).values());
  };
  const auto [y, dx] = run(w);
  const auto [expected_y, expected_dx] = run(plain);
  const double tolerance = matmul_precision() == MatmulPrecision::bf16 ? 0.5 : 1e-4;
  EXPECT_THAT(y, testing::Pointwise(testing::DoubleNear(tolerance), expected_y));
  EXPECT_THAT(dx, testing::Pointwise(testing::DoubleNear(tolerance), expected_dx));
}

TEST(Linear, NamesBothShapesWhenFeaturesDiffer) {
  const Tensor x = Tensor::zeros({4, 128, 576}), w = Tensor::zeros({2304, 960}, DType::q4_0);
  try {
    linear(x, w);
    FAIL() << "960 features were taken for 576";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), HasSubstr("linear: x has 576 features but w expects 960 (x [4, 128, "
                                        "576], w [2304, 960] q4_0)"));
  }
}

TEST(Linear, RefusesABiasOfAnotherWidth) {
  EXPECT_THROW(linear(Tensor::zeros({2, 4}), Tensor::zeros({3, 4}), Tensor::zeros({4})), Error);
}

TEST(Linear, RefusesAGradientToAQuantizedWeight) {
  const Tensor w = Tensor::zeros({32, 32}, DType::q8_0).as_variable();
  Tape tape;
  const Tape::Recording recording(tape);
  EXPECT_THROW(linear(Tensor::zeros({2, 32}), w), Error);
}

}  // namespace
}  // namespace bantam
