#include "bantam/data/data_ref.h"

#include "tests/data/data_files.h"

namespace bantam {
namespace {

class DataRefTest : public DataFiles {};

TEST_F(DataRefTest, ReadsNamePathSplitAndWeight) {
  const DataRef ref = parse_data_ref("agent=runs/traj.jsonl.gz#validation:0.5");
  EXPECT_EQ(ref.name, "agent");
  EXPECT_EQ(ref.path, "runs/traj.jsonl.gz");
  EXPECT_EQ(ref.split, "dev");
  EXPECT_EQ(ref.weight, 0.5);
}

TEST_F(DataRefTest, NamesTheSourceAfterTheFile) {
  const DataRef ref = parse_data_ref("runs/traj.jsonl.gz");
  EXPECT_EQ(ref.name, "traj");
  EXPECT_EQ(ref.split, "");
  EXPECT_FALSE(ref.weight);
  EXPECT_EQ(parse_data_ref("-").name, "stdin");
  EXPECT_EQ(parse_data_ref("some/folder/").name, "folder");
}

TEST_F(DataRefTest, TakesAnExistingPathAsItStands) {
  const std::string odd = write("a=b#c:2", "x");
  EXPECT_EQ(parse_data_ref(odd).path, odd);
  const DataRef ref = parse_data_ref("n=" + odd + "#train:3");
  EXPECT_EQ(ref.path, odd);
  EXPECT_EQ(ref.split, "train");
  EXPECT_EQ(ref.weight, 3.0);
}

TEST_F(DataRefTest, RefusesWhatNamesNothing) {
  for (const char* text : {"", "name=", "#train", "a.jsonl#", "a.jsonl:0", "a.jsonl:-1",
                           "a.jsonl:inf", "dataset:owner/name", "make:facts?n=3"}) {
    try {
      parse_data_ref(text);
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::usage) << text;
    }
  }
}

}  // namespace
}  // namespace bantam
