#include "bantam/cli/table.h"

#include "tests/base/expect_error.h"

namespace bantam {
namespace {

TEST(Table, AlignsTextLeftAndNumbersRight) {
  Table table({"name", ">rows"});
  table.add({"a", "7"});
  table.add({"longer", "1,234"});
  EXPECT_EQ(table.text(), "name     rows\na           7\nlonger  1,234\n");
}

TEST(Table, CutsItsWidestTextColumnToFit) {
  Table table({"file", ">n"});
  table.add({std::string(50, 'x'), "12345"});
  const std::string text = table.text(30);
  EXPECT_THAT(text, testing::HasSubstr("…  12345\n"));
  EXPECT_EQ(text.find('\n'), std::string("file                         n").size());
}

TEST(Table, MissingCellsAreEmptyAndSurplusOnesABug) {
  Table table({"a", "b"});
  table.add({"1"});
  EXPECT_EQ(table.text(), "a  b\n1\n");
  EXPECT_ERROR(table.add({"1", "2", "3"}), internal, "3 cells under 2 columns");
}

}  // namespace
}  // namespace bantam
