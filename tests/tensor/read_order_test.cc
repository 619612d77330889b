#include "bantam/tensor/cpu/read_order.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace bantam::cpu {
namespace {

using Part = ReadAhead::Part;

ReadAhead list_of(const char* at, std::int64_t bytes) { return {{Part{at, bytes}}}; }

ReadAhead told(const ReadNext& next) {
  std::vector<ReadAhead> lists(1);
  next.tell(lists);
  return lists[0];
}

TEST(ReadOrder, RemembersWhatWasReadLast) {
  const std::vector<char> memory(300);
  ReadNext next;
  EXPECT_EQ(told(next).parts[0].bytes, 0);
  const std::vector<ReadAhead> two = {list_of(memory.data(), 100),
                                      list_of(memory.data() + 100, 200)};
  next.learn(two);
  std::vector<ReadAhead> lists(2);
  next.tell(lists);
  EXPECT_EQ(lists[0].parts[0].at, memory.data());
  EXPECT_EQ(lists[1].parts[0].at, memory.data() + 100);
  EXPECT_EQ(lists[1].parts[0].bytes, 200);
  EXPECT_EQ(lists[1].parts[1].bytes, 0);
  next.learn(std::vector{list_of(memory.data() + 50, 10)});
  EXPECT_EQ(told(next).parts[0].at, memory.data() + 50);
  EXPECT_EQ(told(next).parts[0].bytes, 10);
}

TEST(ReadOrder, AWeightLearnsWhatTheTwoProductsAfterItBeginWith) {
  const std::vector<char> memory(1 << 20);
  const auto a = std::make_shared<ReadNext>(), b = std::make_shared<ReadNext>(),
             c = std::make_shared<ReadNext>();
  ReadOrder order;
  const auto add = [&](const std::shared_ptr<ReadNext>& next, std::int64_t at, std::int64_t bytes) {
    order.add(next, std::vector{list_of(memory.data() + at, bytes)});
  };
  constexpr std::int64_t kMost = ReadOrder::kMostBytes;
  for (int token = 0; token < 2; ++token) {
    add(a, 0, 100), add(b, 1000, 200), add(c, 2000, kMost);
  }
  EXPECT_EQ(told(*a).parts[0].at, memory.data() + 1000);
  EXPECT_EQ(told(*a).parts[0].bytes, 200);
  EXPECT_EQ(told(*a).parts[1].at, memory.data() + 2000);
  EXPECT_EQ(told(*a).parts[1].bytes, kMost - 200) << "no more than has room in a cache";
  EXPECT_EQ(told(*b).parts[0].bytes, kMost);
  EXPECT_EQ(told(*b).parts[1].bytes, 0);
}

TEST(ReadOrder, AWeightThatIsGoneLearnsNothing) {
  ReadOrder order;
  order.add(std::make_shared<ReadNext>(), std::vector{list_of("a", 1)});
  order.add(std::make_shared<ReadNext>(), std::vector{list_of("b", 1)});
  const auto next = std::make_shared<ReadNext>();
  order.add(next, std::vector{list_of("c", 1)});
  EXPECT_EQ(told(*next).parts[0].bytes, 0);
}

}  // namespace
}  // namespace bantam::cpu
