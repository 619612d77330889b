#include "bantam/tensor/allocator.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {
namespace {

TEST(Allocator, GivesAFreedBlockToTheNextTensorOfItsSize) {
  std::byte* first = allocate_tensor_memory(100'000).get();
  const auto second = allocate_tensor_memory(100'000);
  EXPECT_EQ(second.get(), first);
}

TEST(Allocator, CountsWhatIsInUseAndRemembersThePeak) {
  const std::uint64_t before = tensor_memory().current;
  reset_tensor_memory_peak();
  {
    const auto a = allocate_tensor_memory(1 << 20), b = allocate_tensor_memory(1 << 20);
    EXPECT_EQ(tensor_memory().current, before + (2 << 20));
  }
  EXPECT_EQ(tensor_memory().current, before);
  EXPECT_EQ(tensor_memory().peak, before + (2 << 20));
  reset_tensor_memory_peak();
  EXPECT_EQ(tensor_memory().peak, before);
}

TEST(Allocator, WastesAtMostAnEighth) {
  for (const std::size_t bytes : {513u, 1000u, 65537u, 1000003u}) {
    const std::uint64_t before = tensor_memory().current;
    const auto block = allocate_tensor_memory(bytes);
    const std::uint64_t taken = tensor_memory().current - before;
    EXPECT_GE(taken, bytes);
    EXPECT_LE(taken, bytes + bytes / 8 + 64);
  }
}

TEST(Allocator, NamesTheSizeItCannotHave) {
  const std::uint64_t before = tensor_memory().current;
  try {
    allocate_tensor_memory(std::size_t{1} << 60);
    FAIL() << "an exbibyte was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::resources);
    EXPECT_NE(std::string(error.what()).find("1,152,921,504,606,846,976"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(tensor_memory().current, before);
}

TEST(Allocator, ServesThreadsSideBySide) {
  const std::uint64_t before = tensor_memory().current;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        const auto block = allocate_tensor_memory(static_cast<std::size_t>(1000 + 100 * (i % 7)));
        block.get()[0] = static_cast<std::byte>(t);
        EXPECT_EQ(block.get()[0], static_cast<std::byte>(t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tensor_memory().current, before);
  release_cached_tensor_memory();
  EXPECT_EQ(tensor_memory().current, before);
}

}  // namespace
}  // namespace bantam
