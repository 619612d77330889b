#include "bantam/nn/kv_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "bantam/base/error.h"
#include "bantam/base/random.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr KvShape kShape{.layers = 1, .kv_heads = 1, .head_width = 2};

KvStore::Step extend(KvStore& store, KvStore::Sequence sequence, std::int64_t count,
                     std::int64_t window = 0) {
  const KvStore::Append append{sequence, count};
  return store.extend({&append, 1}, window);
}

std::vector<std::int32_t> visible(const KvStore::Step& step, std::size_t token) {
  std::vector<std::int32_t> rows;
  const Visibility& visibility = step.plan.visibility;
  for (auto r = visibility.first[token]; r < visibility.first[token + 1]; ++r) {
    const KeyRange range = visibility.ranges[static_cast<std::size_t>(r)];
    for (std::int32_t row = range.begin; row < range.end; ++row) rows.push_back(row);
  }
  return rows;
}

TEST(KvStore, ATokenSeesItsPastAndItself) {
  KvStore store(kShape, 100);
  const auto sequence = store.new_sequence();
  const auto first = extend(store, sequence, 3);
  EXPECT_THAT(first.plan.positions, ElementsAre(0, 1, 2));
  EXPECT_THAT(visible(first, 1), ElementsAre(first.rows[0], first.rows[1]));
  const auto second = extend(store, sequence, 1);
  EXPECT_THAT(second.plan.positions, ElementsAre(3));
  EXPECT_THAT(visible(second, 0),
              ElementsAre(first.rows[0], first.rows[1], first.rows[2], second.rows[0]));
  EXPECT_EQ(store.length(sequence), 4);
}

TEST(KvStore, AWindowHidesWhatIsOlder) {
  KvStore store(kShape, 100);
  const auto sequence = store.new_sequence();
  const auto step = extend(store, sequence, 5, 2);
  EXPECT_THAT(visible(step, 4), ElementsAre(step.rows[3], step.rows[4]));
}

TEST(KvStore, SequencesOfOneStepDoNotSeeEachOther) {
  KvStore store(kShape, 100);
  const auto a = store.new_sequence(), b = store.new_sequence();
  const KvStore::Append appends[] = {{a, 2}, {b, 1}};
  const auto step = store.extend(appends);
  EXPECT_THAT(step.plan.positions, ElementsAre(0, 1, 0));
  EXPECT_THAT(visible(step, 2), ElementsAre(step.rows[2]));
}

TEST(KvStore, BranchesShareThePastAndNotTheFuture) {
  KvStore store(kShape, 200);
  const auto a = store.new_sequence();
  const auto past = extend(store, a, 5);
  const auto b = store.branch(a);
  const auto of_a = extend(store, a, 1), of_b = extend(store, b, 1);
  EXPECT_NE(of_a.rows[0], of_b.rows[0]);
  std::vector<std::int32_t> expected(past.rows);
  expected.push_back(of_b.rows[0]);
  EXPECT_EQ(visible(of_b, 0), expected);
  EXPECT_THAT(of_b.plan.positions, ElementsAre(5));
}

TEST(KvStore, TwoBranchesMayGrowInOneStepWhenPagesAreShort) {
  // Both stand in one page; only one of them can go on in it.
  KvStore store(kShape, 2 * KvStore::kPageRows);
  const auto a = store.new_sequence();
  extend(store, a, 3);
  const auto b = store.branch(a), c = store.branch(a);
  const KvStore::Append two[] = {{a, 1}, {b, 1}};
  const auto step = store.extend(two);
  EXPECT_NE(step.rows[0], step.rows[1]);
  const KvStore::Append third{c, 1};
  EXPECT_THROW(store.extend({&third, 1}), Error);
  EXPECT_EQ(store.length(c), 3);
}

TEST(KvStore, RollingBackGivesRowsToTheSameSequenceAgain) {
  KvStore store(kShape, KvStore::kPageRows);
  const auto sequence = store.new_sequence();
  for (int round = 0; round < 100; ++round) {
    extend(store, sequence, KvStore::kPageRows);
    store.truncate(sequence, round % KvStore::kPageRows);
    extend(store, sequence, 1);
    store.truncate(sequence, 0);
  }
  EXPECT_EQ(store.free_tokens(), KvStore::kPageRows);
}

TEST(KvStore, RollingBackABranchLeavesTheOtherAlone) {
  KvStore store(kShape, 200);
  const auto a = store.new_sequence();
  const auto past = extend(store, a, 40);
  const auto b = store.branch(a);
  store.truncate(b, 10);
  const auto of_b = extend(store, b, 30);
  const std::set<std::int32_t> held(past.rows.begin(), past.rows.end());
  for (const std::int32_t row : of_b.rows) EXPECT_FALSE(held.contains(row));
  EXPECT_EQ(store.length(a), 40);
}

TEST(KvStore, AFullStoreNamesNeededAndFreeAndChangesNothing) {
  KvStore store(kShape, 64);
  const auto a = store.new_sequence(), b = store.new_sequence();
  extend(store, a, 40);
  const KvStore::Append both[] = {{a, 10}, {b, 40}};
  try {
    store.extend(both);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::resources);
    EXPECT_THAT(error.what(), HasSubstr("50 more tokens"));
  }
  EXPECT_EQ(store.length(a), 40);
  EXPECT_EQ(store.length(b), 0);
  store.release(a);
  EXPECT_EQ(store.free_tokens(), 64);
}

TEST(KvStore, ATreeSeesThePastAndItsAncestors) {
  KvStore store(kShape, 100);
  const auto sequence = store.new_sequence();
  const auto past = extend(store, sequence, 2);
  const std::vector<std::int32_t> parents = {-1, 0, 0, -1, 2};
  const auto step = store.extend_tree(sequence, parents);
  EXPECT_THAT(step.plan.positions, ElementsAre(2, 3, 3, 2, 4));
  EXPECT_THAT(visible(step, 4),
              ElementsAre(past.rows[0], past.rows[1], step.rows[0], step.rows[2], step.rows[4]));
  EXPECT_THAT(visible(step, 3), ElementsAre(past.rows[0], past.rows[1], step.rows[3]));
  store.truncate(sequence, 2);
  EXPECT_EQ(store.length(sequence), 2);
}

TEST(KvStore, WrittenRowsSurviveGrowth) {
  KvStore store(kShape, 4096);
  const auto sequence = store.new_sequence();
  const auto step = extend(store, sequence, 1);
  const std::vector<float> key = {1, 2}, value = {3, 4};
  store.write(0, step.rows, Tensor::from(key, {1, 1, 2}), Tensor::from(value, {1, 1, 2}));
  extend(store, sequence, 4000);
  const auto stored = [&](PageSide side) {
    return page_row(store.pages(0), side, step.rows[0], 0, 2).values();
  };
  EXPECT_THAT(stored(PageSide::keys), ElementsAre(1, 2));
  EXPECT_THAT(stored(PageSide::values), ElementsAre(3, 4));
}

TEST(KvStore, HalvesTakeHalfTheMemory) {
  KvShape shape{.layers = 3, .kv_heads = 2, .head_width = 64};
  EXPECT_EQ(shape.bytes_per_token(), 3u * 2 * 2 * 64 * 4);
  shape.dtype = DType::f16;
  EXPECT_EQ(shape.bytes_per_token(), 3u * 2 * 2 * 64 * 2);
  shape.head_width = 20;
  EXPECT_EQ(shape.bytes_per_token(), 3u * 2 * 2 * 32 * 2) << "rounded up to whole vectors";
  KvStore store(shape, 64);
  EXPECT_EQ(store.pages(0).dtype(), DType::f16);
  EXPECT_EQ(store.pages(0).byte_size() * 3, shape.bytes_per_token() * 64);
}

// What was cached must not show in an answer, so neither may the pages it left free.
TEST(KvStore, ATokenSeesItsPastInOrderWhateverPagesItGot) {
  KvStore store(kShape, 8 * KvStore::kPageRows);
  const auto old = store.new_sequence(), sequence = store.new_sequence();
  extend(store, old, KvStore::kPageRows);
  std::vector<std::int32_t> rows = extend(store, sequence, KvStore::kPageRows).rows;
  store.release(old);  // its page, the lower one, comes next
  const auto step = extend(store, sequence, KvStore::kPageRows);
  rows.insert(rows.end(), step.rows.begin(), step.rows.end());
  const std::vector<std::int32_t> seen = visible(step, step.rows.size() - 1);
  EXPECT_EQ(seen, rows);
  EXPECT_FALSE(std::ranges::is_sorted(seen)) << "recycled pages should not be in order here";
}

// A model of the store in plain lists: every sequence's rows, and no row in two places unless
// shared by branching.
TEST(KvStore, ALongRandomHistoryNeverMixesSequences) {
  KvStore store(kShape, 1024 * KvStore::kPageRows);
  RandomStream stream(5, "history");
  std::map<KvStore::Sequence, std::vector<int>> expected;  // values written, by position
  std::map<std::int32_t, int> content;                     // row -> value
  int next_value = 0;
  for (int operation = 0; operation < 3000; ++operation) {
    const auto choice = stream.next_below(10);
    if (expected.empty() || choice == 0) {
      if (expected.size() < 12) expected[store.new_sequence()];
      continue;
    }
    auto at = expected.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(stream.next_below(expected.size())));
    if (choice == 1 && expected.size() < 12) {
      const auto copy = at->second;
      expected[store.branch(at->first)] = copy;
    } else if (choice == 2) {
      store.release(at->first);
      expected.erase(at);
    } else if (choice == 3) {
      const auto length = stream.next_below(at->second.size() + 1);
      store.truncate(at->first, static_cast<std::int64_t>(length));
      at->second.resize(length);
    } else if (at->second.size() < 120) {
      const auto count = static_cast<std::int64_t>(1 + stream.next_below(9));
      const auto step = extend(store, at->first, count);
      for (const std::int32_t row : step.rows) {
        content[row] = next_value;
        at->second.push_back(next_value++);
      }
      std::vector<int> seen;
      for (const std::int32_t row : visible(step, step.rows.size() - 1)) {
        seen.push_back(content[row]);
      }
      std::vector<int> wanted = at->second;
      std::ranges::sort(seen);
      std::ranges::sort(wanted);
      ASSERT_EQ(seen, wanted) << "after operation " << operation;
    }
  }
  for (const auto& [sequence, values] : expected) {
    EXPECT_EQ(store.length(sequence), static_cast<std::int64_t>(values.size()));
    store.release(sequence);
  }
  EXPECT_EQ(store.free_tokens(), 1024 * KvStore::kPageRows);
}

TEST(KvStore, UnknownSequencesAndLengthsAreBugs) {
  KvStore store(kShape, 32);
  EXPECT_THROW(store.length(3), Error);
  const auto sequence = store.new_sequence();
  EXPECT_THROW(store.truncate(sequence, 1), Error);
  EXPECT_THROW(KvStore(kShape, 0), Error);
}

}  // namespace
}  // namespace bantam
