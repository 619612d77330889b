#include "bantam/data/dataset.h"

#include <gmock/gmock.h>

#include "bantam/base/files.h"
#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class DatasetTest : public DataFiles {
 protected:
  Dataset open(const std::vector<std::string>& names,
               OnDuplicate policy = OnDuplicate::error) const {
    std::vector<DataRef> refs;
    for (const std::string& name : names) refs.push_back(parse_data_ref(path(name)));
    return Dataset::open(refs, {}, policy);
  }
};

// D7
TEST_F(DatasetTest, NamesTheFirstFiveDuplicateIds) {
  std::string rows;
  for (int i = 0; i < 14; ++i)
    rows += fmt::format("{{\"id\":\"r{}\",\"text\":\"t{}\",\"label\":\"x\"}}\n", i % 7, i);
  write("ids.jsonl", rows);
  try {
    open({"ids.jsonl"});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("7 rows repeat an id: 'r0' ("));
    EXPECT_THAT(error.what(), HasSubstr("ids.jsonl:1 and"));
    EXPECT_THAT(error.what(), HasSubstr("ids.jsonl:8)"));
    EXPECT_THAT(error.what(), HasSubstr("'r4'"));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("'r5'")));
  }
}

// D7
TEST_F(DatasetTest, KeepsTheFirstOrTheLastOfAnId) {
  write("ids.jsonl",
        "{\"id\":1,\"text\":\"first\",\"label\":\"x\"}\n{\"id\":2,\"text\":\"b\",\"label\":\"x\"}\n"
        "{\"id\":1,\"text\":\"last\",\"label\":\"x\"}\n");
  const Dataset first = open({"ids.jsonl"}, OnDuplicate::keep_first),
                last = open({"ids.jsonl"}, OnDuplicate::keep_last);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].text, "first");
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].text, "last");
  EXPECT_EQ(last[1].text, "b");
  EXPECT_EQ(on_duplicate_of("keep_last"), OnDuplicate::keep_last);
  EXPECT_THROW(on_duplicate_of("keep"), Error);
}

TEST_F(DatasetTest, TheSameIdInTwoSplitsIsNoDuplicate) {
  write("set/train.jsonl", "{\"id\":0,\"text\":\"a\",\"label\":\"x\"}\n");
  write("set/test.jsonl", "{\"id\":0,\"text\":\"b\",\"label\":\"x\"}\n");
  const Dataset data = open({"set"});
  EXPECT_EQ(data.size(), 2u);
  EXPECT_EQ(data.of_split("test").size(), 1u);
}

// D13
TEST_F(DatasetTest, TheContentHashChangesWithContentOrderAndWeightOnly) {
  write("a.jsonl", "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":\"y\"}\n");
  write("same.jsonl",
        "{\"label\":\"x\",\"text\":\"a\",\"unused\":1}\n\n{\"text\":\"b\",\"label\":\"y\"}\n");
  write("order.jsonl", "{\"text\":\"b\",\"label\":\"y\"}\n{\"text\":\"a\",\"label\":\"x\"}\n");
  write("weight.jsonl",
        "{\"text\":\"a\",\"label\":\"x\",\"weight\":2}\n{\"text\":\"b\",\"label\":\"y\"}\n");
  const std::string hash = open({"a.jsonl"}).content_hash();
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(open({"same.jsonl"}).content_hash(), hash);
  EXPECT_NE(open({"order.jsonl"}).content_hash(), hash);
  EXPECT_NE(open({"weight.jsonl"}).content_hash(), hash);
}

TEST_F(DatasetTest, ConcatenatesReferencesAndMixesWeightedOnes) {
  std::string a, b;
  for (int i = 0; i < 40; ++i) a += fmt::format("{{\"text\":\"a{}\"}}\n", i);
  for (int i = 0; i < 10; ++i) b += fmt::format("{{\"text\":\"b{}\"}}\n", i);
  write("a.jsonl", a);
  write("b.jsonl", b);
  EXPECT_EQ(open({"a.jsonl", "b.jsonl"}).size(), 50u);
  const std::vector<DataRef> refs{parse_data_ref(path("a.jsonl") + ":0.5"),
                                  parse_data_ref(path("b.jsonl") + ":0.5")};
  const Dataset mixed = Dataset::open(refs);
  EXPECT_EQ(mixed.size(), 20u);
  int from_b = 0;
  for (const Row& row : mixed) from_b += row.source == "b";
  EXPECT_EQ(from_b, 10);
  EXPECT_THROW(Dataset::open({}), Error);
}

TEST_F(DatasetTest, WritesWhatItReads) {
  write("a.jsonl", "{\"id\":\"1\",\"text\":\"a\",\"label\":\"x\"}\n");
  const Dataset data = Dataset(read("a.jsonl"));
  write_jsonl(path("out.jsonl"), data);
  EXPECT_EQ(read_file(path("out.jsonl")),
            "{\"id\":\"1\",\"source\":\"test\",\"text\":\"a\",\"label\":\"x\"}\n");
}

}  // namespace
}  // namespace bantam
