#include "bantam/tensor/ops/shape.h"

#include <gmock/gmock.h>

#include "bantam/tensor/quant/quantize.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using ::testing::ElementsAre;

OP_CASES(reshape) {
  const auto to = [](const Shape& shape) {
    return [shape](const Tensor& x) { return reshape(x, shape); };
  };
  yield({normal({3, 4})}, to({2, 6}));
  yield({normal({3, 4})}, to({-1}));
  yield({normal({3, 4})}, to({2, -1, 3}));
  yield({normal({1})}, to({}));
  yield({normal({0, 4})}, to({2, 0}));
  yield({normal({3, 4})}, [](const Tensor& x) { return reshape(transpose(x, 0, 1), {2, 6}); });
}

OP_CASES(transpose) {
  yield({normal({3, 4})}, [](const Tensor& x) { return transpose(x, 0, 1); });
  yield({normal({2, 3, 4})}, [](const Tensor& x) { return transpose(x, -1, 0); });
  yield({normal({2, 3, 4})}, [](const Tensor& x) { return transpose(x, 1, 1); });
}

OP_CASES(slice) {
  const auto part = [](int axis, std::int64_t begin, std::int64_t end) {
    return [=](const Tensor& x) { return slice(x, axis, begin, end); };
  };
  yield({normal({5, 7})}, part(0, 1, 4));
  yield({normal({5, 7})}, part(-1, 6, 7));
  yield({normal({2, 5, 3})}, part(1, 0, 5));
  yield({normal({2, 5, 3})}, part(1, 2, 2));
  yield({normal({129, 300})}, part(1, 17, 290));
}

OP_CASES(concatenate) {
  const auto along = [](int axis) { return [axis](Inputs in) { return concatenate(in, axis); }; };
  yield({normal({2, 3}), normal({4, 3})}, along(0));
  yield({normal({2, 3}), normal({2, 1}), normal({2, 5})}, along(1));
  yield({normal({2, 0, 3}), normal({2, 4, 3})}, along(-2));
  yield({normal({7})}, along(0));
  yield({normal({3, 5}), normal({5, 4})}, [](Inputs in) {
    return concatenate(std::vector{transpose(in[0], 0, 1), in[1]}, 1);
  });
}

OP_CASES(contiguous) {
  yield({normal({3, 5})}, [](const Tensor& x) { return contiguous(transpose(x, 0, 1)); });
  yield({normal({3, 1, 5})}, [](const Tensor& x) {
    return contiguous(broadcast_to(x, {3, 4, 5}));
  });
  yield
      .timed({normal({512, 9, 64})}, [](const Tensor& x) { return contiguous(transpose(x, 0, 1)); })
      .costs(512 * 9 * 64);
}

OP_CASES(broadcast_to) {
  const auto to = [](const Shape& shape) {
    return [shape](const Tensor& x) { return broadcast_to(x, shape); };
  };
  yield({normal({5})}, to({3, 5}));
  yield({normal({3, 1})}, to({2, 3, 4}));
  yield({normal({})}, to({2, 2}));
  yield({normal({1, 3})}, to({0, 3}));
}

OP_CASES(index_rows) {
  yield({normal({5, 3}), exact_ids({4, 0, 4, 4})}, index_rows);
  yield({normal({7}), exact_ids({6, 6, 1})}, index_rows);
  yield({normal({3, 2, 2}), exact_ids({})}, index_rows);
  yield({normal({33, 65}), ids(129, 33)}, index_rows);
  yield({normal({3, 5}), exact_ids({2, 4})},
        [](const Tensor& x, const Tensor& rows) { return index_rows(transpose(x, 0, 1), rows); });
  yield.timed({normal({4096, 576}), ids(512, 4096)}, index_rows).moves(2.0 * 512 * 576 * 4);
}

OP_CASES(pick_columns) {
  yield({normal({3, 4}), exact_ids({3, 0, 3})}, pick_columns);
  yield({normal({1, 1}), exact_ids({0})}, pick_columns);
  yield({normal({4, 3}), exact_ids({3, 0, 3})},
        [](const Tensor& x, const Tensor& at) { return pick_columns(transpose(x, 0, 1), at); });
}

OP_CASES(cast) {
  // Through f64 and back: the gradient passes both conversions unchanged.
  yield({normal({3, 17})},
        [](const Tensor& x) { return scale(cast(cast(x, DType::f64), x.dtype()), 2); });
}

TEST(Views, ShareTheMemoryOfTheirSource) {
  const Tensor x = Tensor::zeros({4, 6});
  EXPECT_TRUE(reshape(x, {3, 8}).shares_storage_with(x));
  EXPECT_TRUE(transpose(x, 0, 1).shares_storage_with(x));
  EXPECT_TRUE(slice(x, 1, 2, 4).shares_storage_with(x));
  EXPECT_TRUE(contiguous(x).shares_storage_with(x));
  EXPECT_FALSE(contiguous(transpose(x, 0, 1)).shares_storage_with(x));
}

TEST(Views, AddressWholeRowsOfAQuantizedTensor) {
  RandomStream stream(1, "shape-test");
  const Tensor x = encoded({6, 64}, DType::q4_0)(stream);
  const std::vector<double> all = x.values();
  EXPECT_EQ(slice(x, 0, 2, 4).values(),
            std::vector<double>(all.begin() + 2 * 64, all.begin() + 4 * 64));
  EXPECT_EQ(reshape(x, {2, 3, 64}).values(), all);
  EXPECT_THROW(transpose(x, 0, 1), Error);
  EXPECT_THROW(slice(x, 1, 0, 32), Error);
}

TEST(Shapes, RefuseWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({3, 4});
  EXPECT_THROW(reshape(x, {5, 2}), Error);
  EXPECT_THROW(reshape(x, {-1, 5}), Error);
  EXPECT_THROW(reshape(x, {-1, -1, 12}), Error);
  EXPECT_THROW(reshape(x, {-3, -4}), Error);
  EXPECT_THROW(slice(x, 0, 2, 4), Error);
  EXPECT_THROW(slice(x, 0, 2, 1), Error);
  EXPECT_THROW(broadcast_to(x, {3, 5}), Error);
  EXPECT_THROW(broadcast_to(x, {4}), Error);
  EXPECT_THROW(concatenate({}, 0), Error);
  EXPECT_THROW(concatenate(std::vector{x, Tensor::zeros({2, 3})}, 0), Error);
  EXPECT_THROW(concatenate(std::vector{x, Tensor::zeros({3, 4}, DType::f64)}, 0), Error);
  RandomStream stream(1, "shape-test");
  EXPECT_THROW(index_rows(x, exact_ids({3})(stream)), Error);
  EXPECT_THROW(index_rows(x, exact_ids({-1})(stream)), Error);
  EXPECT_THROW(pick_columns(x, exact_ids({0, 1, 4})(stream)), Error);
}

TEST(Cast, RoundsToNearestInSixteenBits) {
  const std::vector<float> list = {1.0f, 1.00390625f, -3.0e38f, 65504.0f, 1e-8f};
  const Tensor x = Tensor::from(std::span<const float>(list), {5});
  // 1 + 2^-8 lies halfway between two bf16 values and goes to the even one.
  EXPECT_EQ(cast(x, DType::bf16).values()[1], 1.0);
  EXPECT_EQ(cast(x, DType::f16).values()[1], 1.00390625);
  EXPECT_EQ(cast(x, DType::f16).values()[2], -std::numeric_limits<double>::infinity());
  EXPECT_EQ(cast(x, DType::f16).values()[3], 65504.0);
  EXPECT_EQ(cast(cast(x, DType::f64), DType::bf16).values(), cast(x, DType::bf16).values());
}

TEST(Cast, DecodesQuantizedTensorsToF32Only) {
  RandomStream stream(1, "shape-test");
  const Tensor x = encoded({2, 64}, DType::q8_0)(stream);
  EXPECT_EQ(cast(x, DType::f32).values(), x.values());
  EXPECT_THROW(cast(x, DType::bf16), Error);
  EXPECT_THROW(cast(Tensor::zeros({64}), DType::q8_0), Error);
}

TEST(Cast, SendsAGradientOfItsInputsType) {
  const OpCase op_case{{}, [](Inputs in) { return cast(in[0], DType::f64); }};
  const Tensor x = Tensor::zeros({3}).as_variable();
  EXPECT_EQ(evaluate(op_case, std::vector{x}).gradients[0].dtype(), DType::f32);
}

}  // namespace
}  // namespace bantam
