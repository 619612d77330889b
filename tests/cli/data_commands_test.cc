#include <gmock/gmock.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class DataCommands : public testing::Test {
 protected:
  std::string file(const std::string& name) const {
    return (bantam_.home().path() / name).string();
  }
  std::string write(const std::string& name, const std::string& content) const {
    write_file_atomically(file(name), content);
    return file(name);
  }
  std::string labelled_rows(int count) const {
    std::string rows;
    for (int i = 0; i < count; ++i) {
      rows += fmt::format("{{\"text\":\"text {}\",\"label\":\"{}\",\"doc\":\"d{}\"}}\n", i,
                          i % 3 ? "common" : "rare", i / 2);
    }
    return rows;
  }
  BantamProgram bantam_;
};

TEST_F(DataCommands, ShowPrintsRowsWithWhereTheyStand) {
  write("rows.jsonl", labelled_rows(9));
  const ProcessResult shown = bantam_({"data", "show", file("rows.jsonl"), "--limit", "2"});
  EXPECT_EQ(shown.exit_code, 0) << shown.error;
  EXPECT_THAT(shown.output, HasSubstr("rows.jsonl:2  classification"));
  EXPECT_THAT(shown.output, HasSubstr("7 more rows"));
}

TEST_F(DataCommands, CheckDescribesRowsAsJson) {
  write("rows.jsonl", labelled_rows(9));
  const ProcessResult checked = bantam_({"data", "check", file("rows.jsonl"), "--json"});
  EXPECT_EQ(checked.exit_code, 0) << checked.error;
  const Json summary = parse_json(checked.output);
  EXPECT_EQ(summary["rows"], 9);
  EXPECT_EQ(summary["kind"], "classification");
  EXPECT_EQ(summary["classes"]["rare"], 3);
}

TEST_F(DataCommands, CheckNamesABadRowWithExitCodeThree) {
  write("rows.jsonl", labelled_rows(2) + "{\"text\":5,\"label\":\"x\"}\n");
  const ProcessResult checked = bantam_({"data", "check", file("rows.jsonl")});
  EXPECT_EQ(checked.exit_code, 3);
  EXPECT_THAT(checked.error,
              HasSubstr("rows.jsonl:3: field 'text': expected a string, found a number"));
  const ProcessResult skipped = bantam_({"data", "check", file("rows.jsonl"), "--skip-bad", "1"});
  EXPECT_EQ(skipped.exit_code, 0);
  EXPECT_THAT(skipped.error, HasSubstr("skipped 1 bad rows"));
}

TEST_F(DataCommands, SplitKeepsGroupsTogetherAndOverwritesNothing) {
  write("rows.jsonl", labelled_rows(100));
  const std::vector<std::string> words{"data", "split", file("rows.jsonl"), "--by",
                                       "doc",  "-o",    file("split")};
  const ProcessResult split = bantam_(words);
  EXPECT_EQ(split.exit_code, 0) << split.error;
  for (const char* side : {"train", "dev", "test"}) {
    EXPECT_THAT(split.output, HasSubstr(std::string(side) + ".jsonl"));
    EXPECT_GT(read_file(file("split") + "/" + side + ".jsonl").size(), 0u);
  }
  EXPECT_EQ(bantam_(words).exit_code, 2);
  const ProcessResult checked = bantam_({"data", "check", file("split"), "--json"});
  EXPECT_EQ(parse_json(checked.output)["rows"], 100);
  EXPECT_EQ(parse_json(checked.output)["train_test_overlap"]["count"], 0);
}

TEST_F(DataCommands, MixWritesTheProportionsAskedFor) {
  write("a.jsonl", labelled_rows(30));
  std::string b;
  for (int i = 0; i < 10; ++i) b += fmt::format("{{\"text\":\"other {}\",\"label\":\"x\"}}\n", i);
  write("b.jsonl", b);
  const ProcessResult mixed =
      bantam_({"data", "mix", file("a.jsonl") + ":3", file("b.jsonl") + ":1", "-o",
               file("mixed.jsonl"), "--json"});
  EXPECT_EQ(mixed.exit_code, 0) << mixed.error;
  const Json result = parse_json(mixed.output);
  EXPECT_EQ(result["sources"]["a"], 30);
  EXPECT_EQ(result["sources"]["b"], 10);
  EXPECT_EQ(bantam_({"data", "mix", file("a.jsonl")}).exit_code, 2);
}

TEST_F(DataCommands, MakeKnowsItsGenerators) {
  const ProcessResult unknown = bantam_({"data", "make", "debian-package", "-o", file("out")});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.error, HasSubstr("debian-packages"));
}

}  // namespace
}  // namespace bantam
