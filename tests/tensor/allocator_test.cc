#include "bantam/tensor/allocator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
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

std::uint64_t resident() {
  std::ifstream status("/proc/self/statm");
  std::uint64_t size = 0, pages = 0;
  status >> size >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Allocator, HoldsHardlyMoreThanWasEverInUse) {
  release_cached_tensor_memory();
  const std::uint64_t before = resident();
  // 64 sizes that share no block, one at a time: 10 MiB and more each.
  for (std::size_t i = 0; i < 64; ++i) {
    const std::size_t bytes = (std::size_t{10} << 20) + (i << 19);
    const auto block = allocate_tensor_memory(bytes);
    std::memset(block.get(), 1, bytes);
  }
  const std::uint64_t most = (std::size_t{10} << 20) + (std::size_t{63} << 19);
  EXPECT_LE(resident(), before + most + most / 4 + (std::uint64_t{16} << 20));
  release_cached_tensor_memory();
  EXPECT_LE(resident(), before + (std::uint64_t{8} << 20)) << "given back to the system";
}

TEST(Allocator, MovesThePagesOfASmallerBlockToALargerOne) {
  constexpr std::size_t kSmall = std::size_t{20} << 20, kLarge = std::size_t{30} << 20;
  release_cached_tensor_memory();
  {
    const TensorBlock small(kSmall);
    std::memset(small.data(), 1, kSmall);
  }
  const TensorBlock large(kLarge);  // both would be more than may be held
  EXPECT_EQ(large.data()[0], std::byte{1}) << "fresh pages are zero";
  EXPECT_EQ(large.data()[kSmall - 1], std::byte{1});
  std::memset(large.data(), 2, kLarge);
  EXPECT_EQ(large.data()[kLarge - 1], std::byte{2});
}

TEST(Allocator, KeepsALargeBlockWhenASmallOneIsEnoughToGiveUp) {
  constexpr std::size_t kMebibyte = std::size_t{1} << 20, kLarge = 64 * kMebibyte;
  release_cached_tensor_memory();
  {
    const TensorBlock large(kLarge), small(24 * kMebibyte);
    std::memset(large.data(), 1, kLarge);
  }
  // Too small for either block, and the second is more than may be held beside both.
  const TensorBlock one(10 * kMebibyte), other(10 * kMebibyte);
  const TensorBlock again(kLarge);
  EXPECT_EQ(again.data()[0], std::byte{1}) << "fresh pages are zero";
}

TEST(Allocator, GrowsABlockThatKeepsWhatItHolds) {
  const std::uint64_t before = tensor_memory().current;
  {
    TensorBlock block(1000);
    std::memset(block.data(), 1, 1000);
    std::size_t filled = 1000;
    // Within malloc's heap, out of it, and as pages that move.
    for (const std::size_t bytes : {5'000u, 200'000u, 3'000'000u, 40'000'000u}) {
      block.grow(bytes);
      for (std::size_t i = 0; i < filled; ++i) ASSERT_EQ(block.data()[i], std::byte{1}) << i;
      std::memset(block.data() + filled, 1, bytes - filled);
      filled = bytes;
    }
    const std::uint64_t taken = tensor_memory().current - before;
    EXPECT_GE(taken, filled);
    EXPECT_LE(taken, filled + filled / 8);
    block.grow(10);
    EXPECT_EQ(tensor_memory().current - before, taken) << "never shrinks";
    EXPECT_THROW(block.grow(std::numeric_limits<std::size_t>::max() / 4), Error);
    EXPECT_EQ(tensor_memory().current - before, taken) << "as if it had not been asked";
    EXPECT_EQ(block.data()[filled - 1], std::byte{1});
  }
  EXPECT_EQ(tensor_memory().current, before);
}

TEST(Allocator, CutsLastingMemoryFromLargeBlocksThatReturnWithTheirLastPiece) {
  const std::uint64_t before = tensor_memory().current;
  std::vector<std::shared_ptr<std::byte>> pieces;
  for (std::size_t i = 0; i < 200; ++i) {  // more than one large block holds
    const std::size_t bytes = 100'000 + 97 * i;
    pieces.push_back(allocate_lasting_memory(bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pieces.back().get()) % 64, 0u);
    std::memset(pieces.back().get(), static_cast<int>(i), bytes);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(pieces[i].get()[0], static_cast<std::byte>(i));
    EXPECT_EQ(pieces[i].get()[100'000 + 97 * i - 1], static_cast<std::byte>(i));
  }
  const auto last = pieces.back();
  pieces.clear();
  EXPECT_LE(tensor_memory().current, before + (16u << 20));
  EXPECT_EQ(last.get()[0], static_cast<std::byte>(199));
}

TEST(Allocator, GivesLastingMemoryBackToTheLastByte) {
  const std::uint64_t before = tensor_memory().current;
  { const auto small = allocate_lasting_memory(10), large = allocate_lasting_memory(20 << 20); }
  EXPECT_EQ(tensor_memory().current, before);
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
