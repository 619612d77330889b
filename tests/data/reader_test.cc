#include "bantam/data/reader.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ReaderTest : public DataFiles {};

constexpr std::string_view kTwoRows =
    "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":\"y\"}\n";

TEST_F(ReaderTest, ReadsTheSameRowsFromEveryFormat) {
  write("rows.jsonl", kTwoRows);
  write("rows.jsonl.gz", gzipped(kTwoRows));
  write("rows.json", "[{\"text\":\"a\",\"label\":\"x\"},\n {\"text\":\"b\",\"label\":\"y\"}]");
  write("rows.csv", "text,label\na,x\nb,y\n");
  write("rows.tsv", "label\ttext\nx\ta\ny\tb");
  for (const char* name : {"rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.csv", "rows.tsv"}) {
    const auto rows = read(name);
    ASSERT_EQ(rows.size(), 2u) << name;
    EXPECT_EQ(rows[1].text, "b") << name;
    EXPECT_EQ(rows[1].label, "y") << name;
    EXPECT_EQ(rows[1].source, "test") << name;
    EXPECT_EQ(rows[1].id, content_hash(rows[1]).substr(0, 16)) << name;
  }
}

TEST_F(ReaderTest, ATextFileIsOneDocumentOrSeveral) {
  write("one.txt", "first\n\nsecond\n");
  ASSERT_EQ(read("one.txt").size(), 1u);
  EXPECT_EQ(read("one.txt")[0].text, "first\n\nsecond\n");
  write("three.txt", "a\n<|endoftext|>\nb\n<|endoftext|>\n\n<|endoftext|>\nc");
  const auto rows = read("three.txt");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2].text, "c\n");
  EXPECT_EQ(where_is(rows[1]), path("three.txt") + ":3");
}

TEST_F(ReaderTest, AFolderHoldsSplits) {
  write("set/train.jsonl", kTwoRows);
  write("set/validation.csv", "text,label\nc,x\n");
  write("set/test.jsonl.gz", gzipped("{\"text\":\"d\",\"label\":\"x\"}\n"));
  write("set/README.md", "about");
  const auto rows = read("set");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].split, "train");
  EXPECT_EQ(rows[2].split, "dev");
  EXPECT_EQ(rows[3].split, "test");
  EXPECT_EQ(read_rows({"set", path("set"), "dev", {}}).size(), 1u);
  EXPECT_THROW(read_rows({"set", path("set"), "other", {}}), Error);
  write("empty/notes.txt", "x");
  EXPECT_THAT(error_of("empty"), HasSubstr("expected train.jsonl"));
  EXPECT_THAT(error_of("empty"), HasSubstr("notes.txt"));
}

// D1
TEST_F(ReaderTest, AnEmptyFileHasZeroExamples) {
  for (const char* name : {"a.jsonl", "a.json", "a.csv", "a.txt"}) {
    write(name, "");
    EXPECT_THAT(error_of(name), HasSubstr("0 examples: the file is empty")) << name;
  }
  write("blank.jsonl", "\n  \n\n");
  EXPECT_THAT(error_of("blank.jsonl"),
              HasSubstr("0 examples: the file is empty but for blank lines"));
  write("header.csv", "text,label\n");
  EXPECT_THAT(error_of("header.csv"), HasSubstr("0 examples"));
}

// D3
TEST_F(ReaderTest, BadJsonNamesFileLineAndColumn) {
  write("bad.jsonl", std::string(kTwoRows) + "{\"text\":\"c\" \"label\":\"x\"}\n");
  EXPECT_THAT(error_of("bad.jsonl"), StartsWith("bad.jsonl:3:19: not valid JSON"));
  write("cut.jsonl", std::string(kTwoRows) + "{\"text\":\"c\",\"la");
  EXPECT_THAT(error_of("cut.jsonl"), StartsWith("cut.jsonl:3:"));
  write("bad.json", "[{\"text\":\"a\",\n\"label\" 1}]");
  EXPECT_THAT(error_of("bad.json"), StartsWith("bad.json: line 2, column"));
}

// D3
TEST_F(ReaderTest, SkipsAsManyBadRowsAsAllowedAndReportsThem) {
  write("bad.jsonl",
        std::string("{bad\n") + std::string(kTwoRows) + "{\"text\":5,\"label\":\"x\"}\n");
  ReadReport report;
  EXPECT_EQ(read("bad.jsonl", {.skip_bad = 2}, &report).size(), 2u);
  EXPECT_EQ(report.skipped, 2);
  ASSERT_EQ(report.skipped_because.size(), 2u);
  EXPECT_THAT(report.skipped_because[1], HasSubstr(":4: field 'text'"));
  EXPECT_THAT(error_of("bad.jsonl", {.skip_bad = 1}), HasSubstr("--skip-bad allows 1"));
  write("all.jsonl", "{bad\n");
  EXPECT_THAT(error_of("all.jsonl", {.skip_bad = 5}),
              HasSubstr("0 examples left; 1 rows were bad"));
}

// D3
TEST_F(ReaderTest, DoesNotSkipWhatEndsTheFile) {
  const std::string data = gzipped(std::string(kTwoRows));
  write("cut.jsonl.gz", data.substr(0, data.size() - 9));
  EXPECT_THAT(error_of("cut.jsonl.gz", {.skip_bad = 1000}), HasSubstr("the gzip data ends early"));
  write("wide.jsonl", std::string_view("\xff\xfe{\0\n\0", 6));
  EXPECT_THAT(error_of("wide.jsonl", {.skip_bad = 1000}), testing::Not(HasSubstr("skip-bad")));
}

// D4
TEST_F(ReaderTest, AcceptsAByteOrderMarkAndNotesIt) {
  write("mark.jsonl", "\xef\xbb\xbf{\"text\":\"a\",\"label\":\"x\"}\r\n");
  ReadReport report;
  EXPECT_EQ(read("mark.jsonl", {}, &report)[0].label, "x");
  ASSERT_EQ(report.notes.size(), 2u);
  EXPECT_THAT(report.notes[0], HasSubstr("byte order mark"));
  write("mark.csv", "\xef\xbb\xbftext,label\r\na,x\r\n");
  EXPECT_EQ(read("mark.csv")[0].label, "x");
}

// D4
TEST_F(ReaderTest, RefusesOtherEncodingsWithAGuess) {
  write("latin.jsonl", "{\"text\":\"caf\xe9\",\"label\":\"x\"}\n");
  EXPECT_THAT(error_of("latin.jsonl"),
              HasSubstr("latin.jsonl:1: expected UTF-8, found byte 0xe9 at offset 12"));
  EXPECT_THAT(error_of("latin.jsonl"), HasSubstr("Latin-1"));
  write("wide.jsonl", std::string_view("\xff\xfe{\0\"\0", 6));
  EXPECT_THAT(error_of("wide.jsonl"), HasSubstr("UTF-16"));
}

// D5
TEST_F(ReaderTest, LimitsLinesAndNesting) {
  write("long.jsonl", "{\"text\":\"" + std::string(5000, 'a') + "\",\"label\":\"x\"}\n");
  EXPECT_THAT(error_of("long.jsonl", {.longest_line = 4096}),
              HasSubstr("long.jsonl:1: the line is longer than 4,096 bytes"));
  write("deep.jsonl",
        "{\"text\":\"a\",\"label\":\"x\",\"more\":" + std::string(1000000, '[') + "}\n");
  EXPECT_THAT(error_of("deep.jsonl"), HasSubstr("nested deeper than 64"));
}

// D6
TEST_F(ReaderTest, NamesADuplicateKey) {
  write("keys.jsonl", std::string(kTwoRows) + "{\"text\":\"a\",\"label\":\"x\",\"text\":\"b\"}\n");
  EXPECT_THAT(error_of("keys.jsonl"), StartsWith("keys.jsonl:3:"));
  EXPECT_THAT(error_of("keys.jsonl"), HasSubstr("'text' appears twice"));
}

// D8
TEST_F(ReaderTest, NamesLineAndFieldOfABadMessage) {
  write("chat.jsonl",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistnat\",\"content\":"
        "\"b\"}]}\n");
  EXPECT_THAT(error_of("chat.jsonl"), StartsWith("chat.jsonl:1: field 'messages[1]'"));
  write("pair.jsonl", "{\"prompt\":\"a\",\"chosen\":\"b\"}\n");
  EXPECT_THAT(error_of("pair.jsonl"), HasSubstr("'prompt', 'chosen'"));
}

// D9
TEST_F(ReaderTest, RefusesNumbersThatNoDoubleHolds) {
  for (const char* number : {"1e999", "-1e999", "NaN", "Infinity", "36893488147419103232"}) {
    write("n.jsonl", fmt::format("{{\"text\":\"a\",\"label\":\"x\",\"weight\":{}}}\n", number));
    EXPECT_THAT(error_of("n.jsonl"), StartsWith("n.jsonl:1:")) << number;
  }
  write("zero.jsonl", "{\"text\":\"a\",\"label\":\"x\",\"weight\":-0}\n");
  EXPECT_EQ(read("zero.jsonl")[0].weight, 0);
}

// D12
TEST_F(ReaderTest, StopsAGzipBomb) {
  write("bomb.jsonl.gz", gzipped(std::string(32 << 20, ' ')));
  EXPECT_THAT(error_of("bomb.jsonl.gz"), HasSubstr("200-fold"));
}

// D17
TEST_F(ReaderTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(mkfifo(path("pipe.jsonl").c_str(), 0600), 0);
  EXPECT_THAT(error_of("pipe.jsonl"), HasSubstr("not a regular file"));
  std::filesystem::create_symlink("loop.jsonl", path("loop.jsonl"));
  EXPECT_NE(error_of("loop.jsonl"), "");
  std::filesystem::create_symlink("/dev/zero", path("device.jsonl"));
  EXPECT_THAT(error_of("device.jsonl"), HasSubstr("not a regular file"));
  EXPECT_NE(error_of("missing.jsonl"), "");
  write("rows.parquet", "PAR1");
  EXPECT_THAT(error_of("rows.parquet"), HasSubstr("parquet"));
  write("rows.xyz", "x");
  EXPECT_THAT(error_of("rows.xyz"), HasSubstr("expected a file ending in .jsonl"));
}

TEST_F(ReaderTest, NamesItemsOfAJsonArray) {
  write("rows.json",
        "{\"data\":[{\"text\":\"a\",\"label\":\"x\"},{\"text\":\"a\"},{\"text\":1,\"label\":\"x\"}]"
        "}");
  EXPECT_THAT(error_of("rows.json"), HasSubstr("rows.json: item 3: field 'text'"));
}

TEST_F(ReaderTest, GivesEqualRowsDistinctIdsAndStopsAtTheLimit) {
  write("same.jsonl", "{\"text\":\"a\"}\n{\"text\":\"a\"}\n{\"text\":\"a\"}\n");
  const auto rows = read("same.jsonl");
  EXPECT_EQ(rows[1].id, rows[0].id + "~2");
  EXPECT_EQ(rows[2].id, rows[0].id + "~3");
  EXPECT_EQ(read("same.jsonl", {.limit = 2}).size(), 2u);
}

}  // namespace
}  // namespace bantam
