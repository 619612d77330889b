#include "bantam/stats/sparse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

TEST(SideBySide, ShiftsTheSecondSetOfColumns) {
  SparseRows a, b;
  a.column_count = 3;
  a.append(2, 0.5);
  a.end_row();
  a.end_row();
  b.column_count = 2;
  b.end_row();
  b.append(1, 4);
  b.end_row();
  const SparseRows joined = side_by_side(a, b);
  EXPECT_EQ(joined.column_count, 5u);
  EXPECT_THAT(joined.columns_of(0), testing::ElementsAre(2u));
  EXPECT_THAT(joined.columns_of(1), testing::ElementsAre(4u));
  EXPECT_THAT(joined.values_of(1), testing::ElementsAre(4.0));
}

TEST(SideBySide, RefusesDifferentRows) {
  SparseRows a, b;
  a.end_row();
  EXPECT_THROW(side_by_side(a, b), Error);
}

}  // namespace
}  // namespace bantam
