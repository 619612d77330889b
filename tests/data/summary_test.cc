#include "bantam/data/summary.h"

#include <gmock/gmock.h>

#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Summarize, CountsClassesDuplicatesAndContradictions) {
  const Dataset data({labelled("aa", "x", "g"), labelled("b", "y", "g"), labelled("aa", "x"),
                      labelled("b", "x"), labelled("cccc", "x", "h")});
  const DatasetSummary summary = summarize(data);
  EXPECT_EQ(summary.rows, 5);
  EXPECT_EQ(summary.kind, Row::Kind::classification);
  EXPECT_FALSE(summary.is_mixed);
  EXPECT_THAT(summary.classes, ElementsAre(Pair("x", 4), Pair("y", 1)));
  EXPECT_EQ(summary.duplicates, 1);
  EXPECT_EQ(summary.contradictions, 1);
  EXPECT_THAT(summary.first_contradictions, ElementsAre("b"));
  EXPECT_EQ(summary.groups, 2);
  EXPECT_EQ(summary.input.longest, 4);
  EXPECT_EQ(summary.input.median, 2);
}

TEST(Summarize, TellsKindsApart) {
  Row text;
  text.text = "plain";
  text.id = "t";
  const Dataset data({labelled("a", "x"), labelled("b", "x"), text});
  EXPECT_EQ(summarize(data).kind, Row::Kind::classification);
  EXPECT_TRUE(summarize(data).is_mixed);
  EXPECT_THROW(require_one_kind(data), Error);
  EXPECT_EQ(require_one_kind(Dataset({labelled("a", "x")})), Row::Kind::classification);
  EXPECT_THROW(require_one_kind(Dataset()), Error);
}

TEST(LabelsOf, AreAlphabetical) {
  EXPECT_THAT(labels_of(Dataset({labelled("1", "b"), labelled("2", "a"), labelled("3", "b")})),
              ElementsAre("a", "b"));
}

}  // namespace
}  // namespace bantam
