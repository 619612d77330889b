#include "bantam/tensor/cpu/read_order.h"

#include <gtest/gtest.h>

#include <vector>

namespace bantam::cpu {
namespace {

TEST(ReadOrder, RemembersWhatWasReadLast) {
  const std::vector<char> memory(300);
  ReadNext next;
  EXPECT_EQ(next.by_thread()[0].bytes, 0);
  const std::vector<ReadAhead> two = {{memory.data(), 100}, {memory.data() + 100, 200}};
  next.learn(two);
  EXPECT_EQ(next.by_thread()[1].at, memory.data() + 100);
  EXPECT_EQ(next.by_thread()[1].bytes, 200);
  next.learn(std::vector<ReadAhead>{{memory.data() + 50, 10}});
  EXPECT_EQ(next.by_thread()[0].at, memory.data() + 50);
  EXPECT_EQ(next.by_thread()[1].bytes, 0) << "one thread reads now";
}

TEST(ReadOrder, ThreadsAboveTheMostGetNoHint) {
  const std::vector<ReadAhead> many(ReadNext::kThreads + 5, {nullptr, 64});
  ReadNext next;
  next.learn(many);
  for (const ReadAhead& begin : next.by_thread()) EXPECT_EQ(begin.bytes, 64);
}

}  // namespace
}  // namespace bantam::cpu
