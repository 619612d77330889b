// Products with 8-bit activations (RoundActivations): against f32 products with the rounded x, and
// the promises that answering rests on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <utility>

#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/interleaved_decode.h"
#include "bantam/tensor/cpu/rounded_rows.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

constexpr DType kTypes[] = {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
                            DType::q8_0, DType::q4_k, DType::q6_k};

// Normal values; a few are outliers, so that some groups keep a remainder.
Tensor drawn(const Shape& shape, std::string_view name, double outliers = 0.005) {
  const RandomStream normal(1, name), place(2, name);
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double factor = place.uniform_at(i) < outliers ? 20 : 1;
    values[i] = static_cast<float>(factor * normal.normal_at(i));
  }
  return Tensor::from(std::span<const float>(values), shape);
}

// x as RoundedRows stores it.
Tensor rounded(const Tensor& x, cpu::RoundedRows::Wide wide = {.lanes = 8, .vectors = 2}) {
  Tensor out = Tensor::empty(x.shape());
  const std::int64_t width = x.size(1);
  const cpu::RoundedRows rows(x.data<float>(), x.size(0), width, wide);
  constexpr int kGroup = cpu::RoundedRows::kGroup;
  for (const cpu::RoundedRows::Block& block : rows.blocks()) {
    std::vector<double> values(static_cast<std::size_t>(block.rows * width));
    for (int row = 0; row < block.rows; ++row) {
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t group = i / kGroup, quad = i % kGroup / 4;
        const std::int64_t at = group * block.stride + row;
        const std::int8_t level =
            block.wide
                ? block.levels[((group * kGroup / 4 + quad) * block.stride + row) * 4 + i % 4]
                : block.levels[at * kGroup + i % kGroup];
        values[static_cast<std::size_t>(row * width + i)] =
            block.scales[at] * static_cast<double>(level);
      }
    }
    for (const cpu::RoundedRows::Remainder& remainder : block.remainders) {
      for (int i = 0; i < kGroup; ++i) {
        values[static_cast<std::size_t>(remainder.row * width + remainder.group * kGroup + i)] +=
            remainder.scale * static_cast<double>(remainder.levels[i]);
      }
    }
    std::copy(values.begin(), values.end(), out.data<float>() + block.first_row * width);
  }
  return out;
}

TEST(RoundedRows, HoldsTheSameNumbersInWideAndNarrowBlocks) {
  const Tensor x = drawn({29, 256}, "x");
  const std::vector<double> narrow = rounded(x, {1 << 20, 2}).values();
  for (const int lanes : {4, 8, 16}) {
    for (const int vectors : {2, 3}) {
      EXPECT_EQ(rounded(x, {lanes, vectors}).values(), narrow) << lanes << " * " << vectors;
    }
  }
}

TEST(RoundedRows, BlocksAreWideWhileMoreThanAVectorIsLeft) {
  const auto blocks_of = [](std::int64_t rows, int vectors) {
    const Tensor x = drawn({rows, 32}, "x");
    std::vector<int> strides;
    const cpu::RoundedRows rounded(x.data<float>(), rows, 32, {.lanes = 16, .vectors = vectors});
    for (const cpu::RoundedRows::Block& block : rounded.blocks()) {
      strides.push_back(block.stride);
    }
    return strides;
  };
  using testing::ElementsAre;
  EXPECT_THAT(blocks_of(16, 3), ElementsAre(8, 8));
  EXPECT_THAT(blocks_of(17, 3), ElementsAre(32));
  EXPECT_THAT(blocks_of(33, 3), ElementsAre(48));
  EXPECT_THAT(blocks_of(64, 3), ElementsAre(32, 32));
  EXPECT_THAT(blocks_of(70, 3), ElementsAre(48, 32));
  EXPECT_THAT(blocks_of(97, 3), ElementsAre(48, 32, 32));
  EXPECT_THAT(blocks_of(64, 2), ElementsAre(32, 32));
  EXPECT_THAT(blocks_of(53, 2), ElementsAre(32, 32));
}

double relative_error(const Tensor& y, const Tensor& expected) {
  const std::vector<double> a = y.values(), b = expected.values();
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(error / norm);
}

Tensor answer(const Tensor& x, const Tensor& w) {
  const RoundActivations scope;
  return linear(x, w);
}

TEST(RoundedLinear, EqualsTheF32ProductWithTheRoundedActivations) {
  for (const DType type : kTypes) {
    for (const std::int64_t rows : {1, 2, 3, 5, 8, 13, 40, 70}) {
      for (const std::int64_t outputs : {1, 9, 64}) {
        const Tensor x = drawn({rows, 512}, "x"), w = quantize(drawn({outputs, 512}, "w", 0), type);
        // f32 sums of 512 products, in another order.
        EXPECT_LT(relative_error(answer(x, w), linear(rounded(x), w)), 2e-6)
            << info(type).name << ", " << rows << " rows, " << outputs << " outputs";
      }
    }
  }
}

TEST(RoundedLinear, StaysNearTheProductWithTheActivationsThemselves) {
  for (const DType type : kTypes) {
    const Tensor x = drawn({16, 1536}, "x"), w = quantize(drawn({96, 1536}, "w", 0), type);
    // A level errs by at most half a step, step = largest / 127: about 0.5 % of a normal value.
    EXPECT_LT(relative_error(answer(x, w), linear(x, w)), 0.006) << info(type).name;
  }
}

TEST(RoundedLinear, KeepsTheRemainderOfGroupsWithOutliers) {
  Tensor x = drawn({1, 256}, "x", 0);
  x.data<float>()[70] = 100;
  const Tensor back = rounded(x);
  for (std::int64_t i = 64; i < 96; ++i) {  // the outlier's group: two terms, 1/254 of a step each
    EXPECT_NEAR(back.data<float>()[i], x.data<float>()[i], 100.0 / 127 / 254 * 0.51) << i;
  }
}

TEST(RoundedLinear, GivesARowTheSameBitsAloneAndAmongOthersAndAtAnyThreadCount) {
  for (const DType type : kTypes) {
    const Tensor x = drawn({70, 512}, "x"), w = quantize(drawn({100, 512}, "w", 0), type);
    set_thread_count(2);
    const std::vector<double> together = answer(x, w).values();
    set_thread_count(1);
    EXPECT_EQ(answer(x, w).values(), together) << info(type).name;
    for (std::int64_t row = 0; row < x.size(0); ++row) {
      const std::vector<double> alone = answer(slice(x, 0, row, row + 1), w).values();
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + row * 100))
          << info(type).name << " row " << row;
    }
    set_thread_count(0);
  }
}

// The kernels of older and newer CPUs than the best one here.
class ForInstructions : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    if ((hwy::SupportedTargets() & GetParam()) == 0) {
      GTEST_SKIP() << "this CPU has no " << hwy::TargetName(GetParam());
    }
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~ForInstructions() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};
INSTANTIATE_TEST_SUITE_P(RoundedLinear, ForInstructions,
                         testing::Values(HWY_SSE4, HWY_AVX2, HWY_AVX3, HWY_AVX3_DL),
                         [](const auto& info) { return hwy::TargetName(info.param); });

TEST_P(ForInstructions, TheProductIsTheSame) {
  for (const DType type : kTypes) {
    for (const std::int64_t rows : {1, 7, 8}) {
      const Tensor x = drawn({rows, 256}, "x"), w = quantize(drawn({21, 256}, "w", 0), type);
      EXPECT_LT(relative_error(answer(x, w), linear(rounded(x), w)), 2e-6)
          << info(type).name << ", " << rows << " rows";
    }
  }
}

// A feature that is large in most rows, as some are in real models: several second terms meet one
// unit together.
TEST_P(ForInstructions, OutliersOfManyRowsInOneGroupChangeNoBitOfARow) {
  for (const DType type : kTypes) {
    for (const std::int64_t rows : {8, 21}) {
      Tensor x = drawn({rows, 256}, "x", 0);
      for (std::int64_t row = 0; row < rows; ++row) {
        if (row % 7 != 5) x.data<float>()[row * 256 + 70] = static_cast<float>(50 + row);
      }
      const Tensor w = quantize(drawn({21, 256}, "w", 0), type);
      const Tensor together = answer(x, w);
      EXPECT_LT(relative_error(together, linear(rounded(x), w)), 2e-6) << info(type).name;
      const std::vector<double> values = together.values();
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::vector<double> alone = answer(slice(x, 0, row, row + 1), w).values();
        EXPECT_TRUE(std::equal(alone.begin(), alone.end(), values.begin() + row * 21))
            << info(type).name << " row " << row << " of " << rows;
      }
    }
  }
}

TEST_P(ForInstructions, AnInterleavedWeightKeepsItsValues) {
  for (const DType type : kTypes) {
    const Tensor w = quantize(drawn({21, 512}, "w"), type);
    const std::vector<double> expected = w.values();
    Tensor out = Tensor::empty({21, 512});
    const auto decode = [&](std::int64_t first, std::int64_t rows) {
      cpu::decode_interleaved(cpu::interleaved(w), first, rows, out.data<float>() + first * 512);
    };
    decode(0, 16);
    decode(16, 5);  // panels of a large weight begin in its middle
    EXPECT_EQ(out.values(), expected) << info(type).name;
    out.copy_from(Tensor::zeros({21, 512}));
    for (const std::int64_t first : {0, 3, 4, 19, 20}) decode(first, first == 4 ? 15 : 1);
    decode(1, 2);
    EXPECT_EQ(out.values(), expected) << info(type).name << ", rows in the middle of tiles";
  }
}

TEST(RoundedLinear, OfZerosIsZero) {
  const Tensor w = quantize(drawn({8, 256}, "w"), DType::q4_1);
  for (const double y : answer(Tensor::zeros({2, 256}), w).values()) EXPECT_EQ(y, 0);
}

TEST(RoundedLinear, ForgetsTheArrangementOfAWeightThatIsWritten) {
  const Tensor x = drawn({2, 256}, "x");
  Tensor w = quantize(drawn({8, 256}, "w"), DType::q8_0);
  const std::vector<double> before = answer(x, w).values();
  const Tensor other = quantize(drawn({8, 256}, "other"), DType::q8_0);
  w.copy_from(other);
  EXPECT_NE(answer(x, w).values(), before);
  EXPECT_EQ(answer(x, w).values(), answer(x, other).values());
}

TEST(RoundedLinear, LeavesF32WeightsAndChosenPrecisionAlone) {
  const Tensor x = drawn({3, 256}, "x"), plain = drawn({8, 256}, "w");
  EXPECT_EQ(answer(x, plain).values(), linear(x, plain).values());
  const Tensor w = quantize(plain, DType::q4_0);
  set_matmul_precision(MatmulPrecision::f32);
  EXPECT_EQ(answer(x, w).values(), linear(x, w).values());
  set_matmul_precision(MatmulPrecision::automatic);
}

// d x of Σ y · dy for y = each weight's product with x.
std::vector<double> input_gradient(const Tensor& x, std::span<const Tensor> weights, bool together,
                                   Rounding rounding) {
  const RoundActivations scope(rounding);
  const Tensor leaf = x.as_variable();
  Tape tape;
  Tensor loss = Tensor::scalar(0);
  {
    const Tape::Recording recording(tape);
    std::vector<Tensor> ys;
    if (together) ys = linear_each(leaf, weights);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const Tensor y = together ? ys[i] : linear(leaf, weights[i]);
      loss = add(loss, sum(multiply(y, drawn(y.shape(), "dy"))));
    }
  }
  GradientStore store;
  tape.backward(loss, store);
  return store.of(leaf).values();
}

TEST(RoundedLinear, HasTheGradientOfTheProductWithoutRounding) {
  for (const DType type : kTypes) {
    // 2,100 x 512 make more than one panel.
    for (const std::int64_t outputs : {5, 64, 2100}) {
      const Tensor w = quantize(drawn({outputs, 512}, "w", 0), type);
      // Few enough for products in f32 with and without a scope.
      for (const std::int64_t rows : {1, 3, 13}) {
        const Tensor x = drawn({rows, 512}, "x");
        const auto plain = input_gradient(x, {&w, 1}, false, Rounding::none);
        EXPECT_EQ(input_gradient(x, {&w, 1}, false, Rounding::rows), plain)
            << info(type).name << ", " << rows << " rows, " << outputs << " outputs";
      }
      // Many, in whatever gradients are formed in.
      const RoundActivations scope;
      const Tensor dy = drawn({40, outputs}, "dy");
      EXPECT_EQ(linear_input_gradient(dy, w, true).values(),
                linear_input_gradient(dy, w, false).values())
          << info(type).name << ", 40 rows, " << outputs << " outputs";
    }
  }
}

TEST(RoundedLinear, IsRecomputedAlikeAfterItsScope) {
  const Tensor w = quantize(drawn({64, 64}, "w", 0), DType::q8_0);
  const Tensor x = drawn({9, 64}, "x").as_variable();
  const auto block = [&](std::span<const Tensor> in) { return square(silu(linear(in[0], w))); };
  const auto gradient = [&](bool checkpointed) {
    Tape tape;
    Tensor loss;
    {
      const RoundActivations scope;
      const Tape::Recording recording(tape);
      loss = sum(checkpointed ? checkpoint(block, {x}) : block({&x, 1}));
    }
    GradientStore store;
    tape.backward(loss, store);
    return store.of(x).values();
  };
  EXPECT_EQ(gradient(true), gradient(false));
}

TEST(RoundedLinear, IsTheHeadOfALoss) {
  const Tensor hidden = drawn({70, 64}, "hidden").as_variable();  // more rows than one pass takes
  const Tensor head = quantize(drawn({90, 64}, "head", 0), DType::q8_0);
  std::vector<std::int32_t> ids(70);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(7 * i % 90);
  const Tensor targets = Tensor::from(ids, {70}), weights = Tensor::full({70}, 1);
  const auto run = [&](auto loss_of) {
    const RoundActivations scope;
    Tape tape;
    Tensor loss;
    {
      const Tape::Recording recording(tape);
      loss = loss_of(hidden, head, targets, weights);
    }
    GradientStore store;
    tape.backward(loss, store);
    return std::pair(loss.item(), store.of(hidden));
  };
  const auto [loss, gradient] =
      run([](const Tensor& h, const Tensor& w, const Tensor& t, const Tensor& s) {
        return linear_cross_entropy(h, w, t, s);
      });
  const auto [expected, composed] =
      run([](const Tensor& h, const Tensor& w, const Tensor& t, const Tensor& s) {
        return linear_cross_entropy_composed(h, w, t, s);
      });
  EXPECT_NEAR(loss, expected, 1e-6 * expected);
  EXPECT_LT(relative_error(gradient, composed), 1e-6);
}

TEST(LinearEach, HasTheGradientOfOneProductAfterTheOther) {
  const Tensor x = drawn({5, 256}, "x");
  const std::vector<Tensor> weights = {quantize(drawn({24, 256}, "a"), DType::q4_1),
                                       quantize(drawn({9, 256}, "b"), DType::q8_0)};
  EXPECT_EQ(input_gradient(x, weights, true, Rounding::rows),
            input_gradient(x, weights, false, Rounding::rows));
}

TEST(LinearEach, EqualsOneProductAfterTheOther) {
  const Tensor x = drawn({5, 256}, "x");
  const std::vector<Tensor> weights = {quantize(drawn({24, 256}, "a"), DType::q4_1),
                                       quantize(drawn({9, 256}, "b"), DType::q8_0)};
  for (const bool round : {false, true}) {
    std::optional<RoundActivations> scope;
    if (round) scope.emplace();
    const std::vector<Tensor> ys = linear_each(x, weights);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_EQ(ys[i].values(), linear(x, weights[i]).values());
    }
  }
}

TEST(LinearEach, RecordsEachProductOnATape) {
  const Tensor x = drawn({5, 64}, "x").as_variable();
  const std::vector<Tensor> weights = {drawn({3, 64}, "a"), drawn({2, 64}, "b")};
  const auto gradient = [&](bool together) {
    Tape tape;
    Tensor loss;
    {
      const Tape::Recording recording(tape);
      const std::vector<Tensor> ys =
          together ? linear_each(x, weights)
                   : std::vector<Tensor>{linear(x, weights[0]), linear(x, weights[1])};
      loss = add(sum(ys[0]), sum(ys[1]));
    }
    GradientStore store;
    tape.backward(loss, store);
    return store.of(x).values();
  };
  EXPECT_EQ(gradient(true), gradient(false));
}

}  // namespace
}  // namespace bantam
