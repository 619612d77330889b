#include <fstream>

#include "bantam/base/options.h"
#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

struct Settings {
  double learning_rate = 1e-3;
  int batch = 8;
  bool full = false;
  std::string schedule = "constant";
  std::vector<std::string> data;
  std::optional<int> rank;
  Duration budget;
  ByteCount memory;
};

}  // namespace

template <>
void describe(Describer<Settings>& d) {
  d(&Settings::learning_rate, "learning_rate", "Rate.", between(0.0, 1.0));
  d(&Settings::batch, "batch", "Rows.", at_least(1));
  d(&Settings::full, "full", "All weights.");
  d(&Settings::schedule, "schedule", "Schedule.");
  d(&Settings::data, "data", "Rows.");
  d(&Settings::rank, "rank", "Rank.");
  d(&Settings::budget, "budget", "Time.");
  d(&Settings::memory, "memory", "Bytes.");
}

namespace {

class ConfigFile : public testing::Test {
 protected:
  void apply(const std::string& text) {
    std::ofstream(folder_ / "run.toml") << text;
    apply_config_file(options_, (folder_ / "run.toml").string());
  }
  TemporaryFolder folder_;
  Settings settings_;
  std::vector<Option> options_ = options_of(settings_);
};

TEST_F(ConfigFile, SetsWhatItNames) {
  apply("learning_rate = 0.01\nbatch = 4\nfull = true\ndata = [\"a.jsonl\", \"b.jsonl\"]\n");
  EXPECT_EQ(settings_.learning_rate, 0.01);
  EXPECT_EQ(settings_.batch, 4);
  EXPECT_TRUE(settings_.full);
  EXPECT_EQ(settings_.data.size(), 2u);
  EXPECT_TRUE(options_[0].was_set);
  EXPECT_FALSE(options_[5].was_set);
}

TEST_F(ConfigFile, ATableIsTheLongFormOfARegistryValue) {
  apply("schedule = {kind = \"wsd\", warmup = \"1%\", decay = 0.1}\n");
  EXPECT_EQ(settings_.schedule, "wsd:decay=0.1,warmup=1%");
}

TEST_F(ConfigFile, AnUnknownKeyIsNamedWithLineAndNearestKey) {  // K1
  EXPECT_ERROR(apply("batch = 4\nlearning_rte = 1\n"), usage, "run.toml: line 2", "'learning_rte'",
               "nearest: learning_rate");
  EXPECT_ERROR(apply("[train]\nbatch = 4\n"), usage, "'train.batch'");
}

TEST_F(ConfigFile, QuotedNumbersAndBooleansAreMistakes) {  // K2
  EXPECT_ERROR(apply("batch = \"3\""), usage, "line 1: batch", "expected a number without quotes");
  EXPECT_ERROR(apply("full = \"False\""), usage, "expected true or false without quotes");
  EXPECT_ERROR(apply("full = 1"), usage, "true or false");
  EXPECT_ERROR(apply("schedule = 3"), usage, "expected text");
  EXPECT_ERROR(apply("batch = 2026-11-24"), usage, "dates");
}

TEST_F(ConfigFile, PercentAndThousandsMayBeQuoted) {
  apply("learning_rate = \"10%\"\nbatch = \"1k\"\n");
  EXPECT_DOUBLE_EQ(settings_.learning_rate, 0.1);
  EXPECT_EQ(settings_.batch, 1000);
}

TEST_F(ConfigFile, ValuesOutsideTheirRangeAreRefused) {  // K3, K6
  EXPECT_ERROR(apply("learning_rate = -1"), usage, "from 0 to 1");
  EXPECT_ERROR(apply("learning_rate = nan"), usage, "finite");
  EXPECT_ERROR(apply("learning_rate = 1e30"), usage, "from 0 to 1");
  EXPECT_ERROR(apply("batch = 0"), usage, "at least 1");
  EXPECT_ERROR(apply("batch = 99999999999999999999"), usage, "line 1");
  EXPECT_ERROR(apply("batch = 1e3"), usage, "whole number");
}

TEST_F(ConfigFile, BrokenSyntaxIsPlacedByLineAndColumn) {  // K5
  EXPECT_ERROR(apply("batch = 4\nfull = = true\n"), usage, "run.toml: line 2, column 8");
  EXPECT_ERROR(apply("[a]\nx = 1\n[a]\n"), usage, "line 3");
  EXPECT_ERROR(apply("batch = 4\nbatch = 5\n"), usage, "line 2");
}

TEST_F(ConfigFile, DepthAndSizeAreLimited) {  // K5
  EXPECT_ERROR(apply("schedule = " + std::string(10'000, '[')), usage, "deeper than 32");
  std::string dots = "a";
  for (int i = 0; i < 1'000'000; ++i) dots += ".a";
  EXPECT_ERROR(apply("batch = 1\n" + dots + " = 1"), usage, "line 2", "deeper than 32");
  EXPECT_ERROR(apply("[" + dots + "]"), usage, "deeper than 32");
  EXPECT_ERROR(apply("# " + std::string(5 << 20, 'x')), usage, "limit here is 4,194,304");
}

TEST_F(ConfigFile, DotsInTextsAndCommentsAreNoDepth) {
  const std::string dots(1000, '.');
  apply("# " + dots + "\nschedule = \"" + dots + "\"\n");
  EXPECT_EQ(settings_.schedule, dots);
}

TEST_F(ConfigFile, WhatIsPrintedIsReadBack) {
  settings_.learning_rate = 0.025, settings_.schedule = "a \"quoted\" \\ text",
  settings_.data = {"x", "y,z"};
  const std::string printed = print_config(options_);
  EXPECT_THAT(printed, testing::HasSubstr("# rank =   (derived)"));
  Settings other;
  auto options = options_of(other);
  std::ofstream(folder_ / "again.toml") << printed;
  apply_config_file(options, (folder_ / "again.toml").string());
  EXPECT_EQ(other.learning_rate, 0.025);
  EXPECT_EQ(other.schedule, settings_.schedule);
  EXPECT_EQ(other.data, settings_.data);
}

TEST_F(ConfigFile, UnusualValuesThatArePrintedAreReadBackExactly) {
  settings_.schedule = "delete \x7f tab \t null ";
  settings_.schedule += '\0';
  settings_.budget = {372.4};  // "6m12s" to people
  settings_.memory = {~std::uint64_t{0}};
  Settings other;
  auto options = options_of(other);
  std::ofstream(folder_ / "again.toml") << print_config(options_);
  apply_config_file(options, (folder_ / "again.toml").string());
  EXPECT_EQ(other.schedule, settings_.schedule);
  EXPECT_EQ(other.budget.seconds, 372.4);
  EXPECT_EQ(other.memory.bytes, ~std::uint64_t{0});
}

TEST_F(ConfigFile, DurationsAreFinite) {
  EXPECT_ERROR(apply("budget = inf"), usage, "a duration");
  EXPECT_ERROR(apply("budget = nan"), usage, "a duration");
  EXPECT_ERROR(apply("budget = \"" + std::string(307, '9') + "d\""), usage, "a duration");
}

}  // namespace
}  // namespace bantam
