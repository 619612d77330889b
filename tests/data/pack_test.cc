#include "bantam/data/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "bantam/base/error.h"
#include "bantam/base/random.h"

namespace bantam {
namespace {

using testing::ElementsAre;

std::vector<Example> documents(const std::vector<int>& lengths) {
  std::vector<Example> examples;
  for (const int length : lengths) {
    Example example;
    example.id = "document " + std::to_string(examples.size());
    example.ids.assign(static_cast<std::size_t>(length),
                       static_cast<std::int32_t>(examples.size()));
    example.weights.assign(static_cast<std::size_t>(length), 1.f);
    examples.push_back(std::move(example));
  }
  return examples;
}

std::vector<std::vector<std::int32_t>> lengths(const std::vector<PackedRow>& rows) {
  std::vector<std::vector<std::int32_t>> all;
  for (const PackedRow& row : rows) all.push_back(row.segment_lengths);
  return all;
}

TEST(Pack, NeverSplitsADocumentThatFits) {
  const auto rows = pack(documents({3, 5, 4}), {.row_length = 8});
  EXPECT_THAT(lengths(rows), ElementsAre(ElementsAre(3, 5), ElementsAre(4)));
}

TEST(Pack, KeepsEveryDocumentOnceWithItsWeights) {
  RandomStream stream(4, "pack-test");
  std::vector<int> sizes;
  std::int64_t total = 0;
  for (int i = 0; i < 1000; ++i) {
    sizes.push_back(1 + static_cast<int>(stream.next_below(100)));
    total += sizes.back();
  }
  const auto examples = documents(sizes);
  const auto rows = pack(examples, {.row_length = 128});
  std::set<std::uint32_t> seen;
  for (const PackedRow& row : rows) {
    EXPECT_LE(row.ids.size(), 128u);
    std::size_t at = 0;
    for (std::size_t s = 0; s < row.examples.size(); ++s) {
      EXPECT_TRUE(seen.insert(row.examples[s]).second);
      EXPECT_EQ(row.segment_lengths[s], sizes[row.examples[s]]);
      EXPECT_EQ(row.ids[at], static_cast<std::int32_t>(row.examples[s]));
      EXPECT_EQ(row.weights[at], 0.f) << "the first token of a segment has nothing before it";
      at += static_cast<std::size_t>(row.segment_lengths[s]);
    }
    EXPECT_EQ(at, row.ids.size());
  }
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_LE(static_cast<double>(rows.size()), 1.05 * static_cast<double>(total) / 128 + 1);
}

TEST(Pack, OrdersRowsAndSegmentsAsTheExamplesStand) {
  const auto rows = pack(documents({2, 7, 2, 7, 4}), {.row_length = 9});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[0].examples, ElementsAre(0u, 1u));
  EXPECT_THAT(rows[1].examples, ElementsAre(2u, 3u));
  EXPECT_THAT(rows[2].examples, ElementsAre(4u));
}

TEST(Pack, RefusesADocumentLongerThanARow) {
  try {
    pack(documents({3, 9}), {.row_length = 8});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("document 1 has 9 tokens"));
  }
  EXPECT_THROW(pack(documents({1}), {.row_length = 1}), Error);
  EXPECT_TRUE(pack({}, {.row_length = 8}).empty());
}

}  // namespace
}  // namespace bantam
