#include "bantam/tensor/tensor.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bantam/tensor/float16.h"

namespace bantam {
namespace {

using ::testing::ElementsAre;

Tensor counting(const Shape& shape) {
  std::vector<float> list;
  for (std::int64_t i = 0; i < shape.count(); ++i) list.push_back(static_cast<float>(i));
  return Tensor::from(std::span<const float>(list), shape);
}

TEST(Shape, CountsAxesFromTheBackAndPrintsItself) {
  const Shape shape{4, 128, 576};
  EXPECT_EQ(shape[-1], 576);
  EXPECT_EQ(shape[0], 4);
  EXPECT_EQ(shape.count(), 4 * 128 * 576);
  EXPECT_EQ(shape.text(), "[4, 128, 576]");
  EXPECT_EQ(Shape{}.count(), 1);
  EXPECT_EQ(Shape{}.text(), "[]");
  EXPECT_FALSE(Shape({2, 3}) == Shape({3, 2}));
  EXPECT_FALSE(Shape({2}) == Shape({2, 1}));
  EXPECT_THROW(Shape({1, 1, 1, 1, 1, 1, 1}), Error);
}

TEST(Tensor, CopiesValuesInRowMajorOrderFromAnyWindow) {
  const Tensor x = counting({2, 3});
  const Tensor turned = x.window({3, 2}, std::vector<std::int64_t>{1, 3}, 0);
  EXPECT_FALSE(turned.is_contiguous());
  EXPECT_THAT(turned.values(), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_TRUE(turned.clone().is_contiguous());
  EXPECT_THAT(turned.clone().values(), ElementsAre(0, 3, 1, 4, 2, 5));
  const Tensor last = x.window({3}, std::vector<std::int64_t>{1}, 3);
  EXPECT_THAT(last.values(), ElementsAre(3, 4, 5));
}

TEST(Tensor, SeesThatExtentsOfOneDoNotBreakContiguity) {
  const Tensor x = counting({2, 3});
  EXPECT_TRUE(x.window({2, 1, 3}, std::vector<std::int64_t>{3, 77, 1}, 0).is_contiguous());
}

TEST(Tensor, HandsOutAlignedMemory) {
  for (const std::int64_t count : {0, 1, 3, 1000, 1 << 20}) {
    const Tensor x = Tensor::empty({count});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(x.bytes()) % 64, 0u) << count;
  }
}

TEST(Tensor, KnowsWhenNobodyElseCanSeeItsMemory) {
  Tensor x = counting({4});
  EXPECT_TRUE(x.is_sole_owner());
  {
    const Tensor view = x.window({2}, std::vector<std::int64_t>{1}, 0);
    EXPECT_FALSE(x.is_sole_owner());
    EXPECT_TRUE(view.shares_storage_with(x));
  }
  EXPECT_TRUE(x.is_sole_owner());
}

TEST(Tensor, NeverWritesMemoryThatSomebodyElseOwns) {
  const auto bytes = std::make_shared<std::vector<float>>(8, 1.5f);
  Tensor x =
      Tensor::view_of(bytes, reinterpret_cast<const std::byte*>(bytes->data()), {2, 4}, DType::f32);
  EXPECT_EQ(bytes.use_count(), 2);
  EXPECT_EQ(x.values()[7], 1.5);
  EXPECT_THROW(x.writable_bytes(), Error);
  EXPECT_FALSE(x.is_sole_owner());
  x = Tensor();
  EXPECT_EQ(bytes.use_count(), 1);
}

TEST(Tensor, HandlesFollowMemoryThatGrows) {
  Tensor begin = Tensor::from(std::vector<float>{1, 2, 3, 4}, {4});
  const std::int64_t strides[] = {1};
  const Tensor last = begin.window({2}, strides, 2);
  begin.extend_memory(1'000'000);
  Tensor all = begin.window({1'000'000}, strides, 0);
  all.data<float>()[999'999] = 5;
  EXPECT_EQ(begin.values(), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(last.values(), (std::vector<double>{3, 4}));
  EXPECT_TRUE(all.shares_storage_with(last));
  EXPECT_EQ(all.data<float>() + 2, last.data<float>());
  EXPECT_THROW(Tensor(last).extend_memory(10), Error) << "not its beginning";
  EXPECT_THROW(Tensor().extend_memory(10), Error);
}

TEST(Tensor, CopiesOnlyWhatHasItsShapeAndType) {
  Tensor x = Tensor::zeros({2, 3});
  x.copy_from(counting({2, 3}));
  EXPECT_THAT(x.values(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THROW(x.copy_from(counting({3, 2})), Error);
  EXPECT_THROW(x.copy_from(Tensor::zeros({2, 3}, DType::f64)), Error);
}

TEST(Tensor, RefusesRowsThatAreNotWholeBlocks) {
  EXPECT_THROW(Tensor::empty({2, 33}, DType::q4_0), Error);
  EXPECT_THROW(Tensor::empty({2, 128}, DType::q4_k), Error);
  EXPECT_EQ(Tensor::empty({2, 256}, DType::q4_k).byte_size(), 2u * 144);
  EXPECT_EQ(Tensor::empty({3, 64}, DType::q8_0).byte_size(), 3u * 68);
}

TEST(Tensor, RefusesTheWrongNumberOfValues) {
  const std::vector<float> list(5);
  EXPECT_THROW(Tensor::from(std::span<const float>(list), {2, 3}), Error);
  EXPECT_THROW(counting({2}).item(), Error);
  EXPECT_EQ(Tensor::scalar(2.5).item(), 2.5);
}

TEST(Tensor, ReportsTheReadingOfNothing) { EXPECT_THROW(Tensor().bytes(), Error); }

TEST(Tensor, KeepsAFormOfEachWindowUntilItIsWritten) {
  Tensor memory = counting({4, 2});
  const std::int64_t strides[] = {2, 1};
  const Tensor window = memory.window({2, 2}, strides, 4);
  int made = 0;
  const auto make = [&] { return std::make_shared<const int>(++made); };
  EXPECT_EQ(memory.find_kept_form(), nullptr);
  const void* const whole = memory.kept_form(make);
  const void* const part = window.kept_form(make);
  EXPECT_EQ(*static_cast<const int*>(whole), 1);
  EXPECT_EQ(*static_cast<const int*>(part), 2) << "a window has a form of its own";
  EXPECT_EQ(memory.kept_form(make), whole);
  EXPECT_EQ(window.find_kept_form(), part);
  memory.data<float>()[0] = 7;
  EXPECT_EQ(memory.find_kept_form(), nullptr);
  EXPECT_EQ(window.find_kept_form(), nullptr);
}

TEST(Tensor, MakesAFormOnceForThreadsThatAskAtOnce) {
  const Tensor memory = counting({4});
  std::atomic<int> made = 0;
  std::vector<const void*> found(8);
  std::vector<std::thread> threads;
  for (const void*& one : found) {
    threads.emplace_back([&memory, &made, &one] {
      one = memory.kept_form([&made] { return std::make_shared<const int>(++made); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(found, std::vector<const void*>(8, memory.find_kept_form()));
}

TEST(Tensor, BecomesANewVariableEachTime) {
  const Tensor x = counting({1});
  EXPECT_FALSE(x.wants_gradient());
  const Tensor a = x.as_variable(), b = x.as_variable();
  EXPECT_NE(a.variable(), b.variable());
  EXPECT_TRUE(a.shares_storage_with(b));
  EXPECT_FALSE(a.stop_gradient().wants_gradient());
  EXPECT_FALSE(a.clone().wants_gradient());
}

TEST(DTypes, AreFoundByNameAndSuggestTheNearest) {
  for (const DTypeInfo& type : all_dtypes()) EXPECT_EQ(dtype_named(type.name), type.dtype);
  try {
    dtype_named("q4_2");
    FAIL() << "q4_2 is no type";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr("q4_"));
  }
}

TEST(Float16, RoundsTripsEveryHalfExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const bool is_nan = (half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0;
    if (is_nan) continue;
    ASSERT_EQ(float_to_f16(f16_to_float(half)), half) << bits;
  }
}

TEST(Float16, RoundsToNearestTiesToEvenOverAllBf16Midpoints) {
  for (std::uint32_t bits = 0; bits < 0x7f7f; ++bits) {
    // Halfway between bits and bits + 1.
    const float middle = std::bit_cast<float>((bits << 16) | 0x8000);
    ASSERT_EQ(float_to_bf16(middle), (bits & 1) != 0 ? bits + 1 : bits) << bits;
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>((bits << 16) | 0x8001)), bits + 1) << bits;
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>((bits << 16) | 0x7fff)), bits) << bits;
  }
}

}  // namespace
}  // namespace bantam
