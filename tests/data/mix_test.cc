#include "bantam/data/mix.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> counts(std::vector<std::int64_t> sizes, std::vector<double> weights,
                                 std::int64_t rows = 0) {
  return mixture_counts(sizes, weights, rows);
}

TEST(MixtureCounts, LetTheScarcestSourceSetTheSize) {
  EXPECT_THAT(counts({100, 10}, {0.5, 0.5}), ElementsAre(10, 10));
  EXPECT_THAT(counts({100, 10}, {9, 1}), ElementsAre(90, 10));
  EXPECT_THAT(counts({7, 7, 7}, {1, 1, 1}), ElementsAre(7, 7, 7));
}

TEST(MixtureCounts, SumToTheRowsAskedFor) {
  EXPECT_THAT(counts({5, 5, 5}, {1, 1, 1}, 10), ElementsAre(4, 3, 3));
  EXPECT_THAT(counts({5, 5}, {0.7, 0.3}, 100), ElementsAre(70, 30));
}

TEST(MixtureCounts, RefuseWeightsAndSourcesOfNothing) {
  EXPECT_THROW(counts({5, 5}, {0, 1}), Error);
  EXPECT_THROW(counts({5, 0}, {1, 1}), Error);
}

std::vector<std::vector<Row>> two_sources() {
  std::vector<std::vector<Row>> sources(2);
  for (int i = 0; i < 30; ++i) sources[0].push_back(labelled(fmt::format("a{}", i), "x"));
  for (int i = 0; i < 6; ++i) sources[1].push_back(labelled(fmt::format("b{}", i), "y"));
  return sources;
}

std::vector<std::string> ids_of(const std::vector<Row>& rows) {
  std::vector<std::string> ids;
  for (const Row& row : rows) ids.push_back(row.id);
  return ids;
}

TEST(Mix, IsTheSameForTheSameSeedAndRepeatsNothing) {
  const std::vector<double> weights{2, 1};
  const auto first = ids_of(mix(two_sources(), weights, {.seed = 3}));
  EXPECT_EQ(first, ids_of(mix(two_sources(), weights, {.seed = 3})));
  EXPECT_NE(first, ids_of(mix(two_sources(), weights, {.seed = 4})));
  EXPECT_EQ(first.size(), 18u);
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 18u);
}

TEST(Mix, GoesRoundAgainWhenMoreRowsAreAskedFor) {
  const auto ids = ids_of(mix(two_sources(), std::vector<double>{1, 1}, {.rows = 30}));
  std::map<std::string, int> seen;
  for (const std::string& id : ids) ++seen[id.substr(0, id.find('~'))];
  EXPECT_EQ(ids.size(), 30u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 30u);
  int least = 99, most = 0;
  for (int i = 0; i < 6; ++i) {
    least = std::min(least, seen[fmt::format("b{}", i)]);
    most = std::max(most, seen[fmt::format("b{}", i)]);
  }
  EXPECT_EQ(least, 2);  // 15 rows of 6: every row twice, three of them three times
  EXPECT_EQ(most, 3);
}

}  // namespace
}  // namespace bantam
