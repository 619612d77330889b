#include "bantam/base/threads.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "bantam/base/thread_team.h"
#include "tests/base/expect_error.h"

namespace bantam {
namespace {

class Threads : public testing::Test {
 protected:
  ~Threads() override { set_thread_count(0); }
};

TEST_F(Threads, EveryItemIsVisitedOnce) {
  set_thread_count(4);
  std::vector<std::atomic<int>> visits(1003);
  parallel_for(1003, 10, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST_F(Threads, ChunksAreTheSameForEveryThreadCount) {
  std::vector<float> values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  const auto sum = [&](int threads) {
    set_thread_count(threads);
    std::vector<float> partial(100);
    parallel_for(100'000, 1000, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        partial[static_cast<std::size_t>(begin / 1000)] += values[static_cast<std::size_t>(i)];
      }
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0f);
  };
  const float one = sum(1);
  for (const int threads : {2, 3, 4, 8}) EXPECT_EQ(sum(threads), one) << threads;
}

TEST_F(Threads, AThreadTakesItsShareInOrderAndThenThoseOfOthers) {
  set_thread_count(4);
  ASSERT_EQ(loop_shares(), 4);
  threads_detail::Shares shares(40, 4);
  std::vector<std::int64_t> taken, expected(40);
  shares.take_all(1, [&](std::int64_t chunk) { taken.push_back(chunk); });
  for (std::size_t i = 0; i < 40; ++i) expected[i] = static_cast<std::int64_t>((10 + i) % 40);
  EXPECT_EQ(taken, expected);

  set_thread_count(40);
  EXPECT_EQ(loop_shares(), 16);
}

TEST_F(Threads, WhatIsReadAheadMayBeNoMore) {
  set_thread_count(4);
  const std::vector<char> there(1 << 20);
  const ReadAhead::Part mapped{there.data(), 1 << 20},
      not_mapped{reinterpret_cast<const void*>(std::uintptr_t{4096}), 1 << 20};
  const std::vector<ReadAhead> next = {{{mapped, not_mapped}}, {{not_mapped}}, {{mapped}}};
  std::atomic<std::int64_t> visits = 0;
  for (int i = 0; i < 100; ++i) {
    parallel_for(
        64, 1, [&](std::int64_t begin, std::int64_t end) { visits += end - begin; }, next);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  EXPECT_EQ(visits, 6400);
}

TEST_F(Threads, TheFailureOfTheLowestChunkReachesTheCaller) {
  set_thread_count(4);
  EXPECT_ERROR(parallel_for(100, 10,
                            [](std::int64_t begin, std::int64_t) {
                              if (begin >= 30) throw input_error("chunk {}", begin);
                            }),
               input, "chunk 30");
}

TEST_F(Threads, NestedCallsRunOnTheCallingThread) {
  set_thread_count(2);
  std::atomic<int> total{0};
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(10, 3, [&](std::int64_t begin, std::int64_t end) {
      total += static_cast<int>(end - begin);
    });
  });
  EXPECT_EQ(total, 40);
}

TEST_F(Threads, CallersAtTheSameTimeAllGetTheirWorkDone) {
  set_thread_count(3);
  std::vector<std::atomic<int>> totals(4);
  std::vector<std::thread> callers;
  for (std::atomic<int>& total : totals) {
    callers.emplace_back([&total] {
      for (int loop = 0; loop < 300; ++loop) {
        parallel_for(20, 3, [&](std::int64_t begin, std::int64_t end) {
          total += static_cast<int>(end - begin);
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const std::atomic<int>& total : totals) EXPECT_EQ(total, 6000);
}

TEST_F(Threads, HelpersThatFellAsleepWakeUp) {
  set_thread_count(2);
  std::set<std::thread::id> seen;
  std::mutex mutex;
  for (int attempt = 0; attempt < 100 && seen.size() < 2; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
  }
  EXPECT_EQ(seen.size(), 2U);
}

TEST_F(Threads, AChildProcessHasNoHelpersAndDoesTheWorkItself) {
  set_thread_count(2);
  const auto count = [] {
    std::atomic<int> total{0};
    parallel_for(1000, 10, [&](std::int64_t begin, std::int64_t end) {
      total += static_cast<int>(end - begin);
    });
    return total.load();
  };
  ASSERT_EQ(count(), 1000);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(count() == 1000 ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(Threads, NothingToDoCallsNobody) {
  parallel_for(0, 10, [](std::int64_t, std::int64_t) { FAIL(); });
  parallel_for(-5, 10, [](std::int64_t, std::int64_t) { FAIL(); });
}

TEST_F(Threads, CountsOutsideTheRangeAreRefused) {
  EXPECT_ERROR(set_thread_count(-1), resources, "expected 1 to 1024", "-1");
  EXPECT_ERROR(set_thread_count(1'000'000), resources, "1000000");
  set_thread_count(0);
  EXPECT_GE(thread_count(), 1);
}

}  // namespace
}  // namespace bantam
