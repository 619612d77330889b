// What holds for every command, present and future.
#include "bantam/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "bantam/cli/help.h"
#include "bantam/cli/layout.h"
#include "bantam/cli/parse.h"
#include "tests/cli/run_bantam.h"

namespace bantam {
namespace {

int longest_line(const std::string& text) {
  int longest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    longest = std::max(longest, display_width(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return longest;
}

TEST(Commands, HaveUniqueNamesOfOneOrTwoLowerCaseWords) {
  std::set<std::string> names;
  for (const Command& command : all_commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_THAT(command.name, testing::MatchesRegex("[a-z]+( [a-z]+)?"));
  }
  EXPECT_TRUE(names.contains("doctor"));
}

TEST(Commands, DeclareEachOptionOnceWithAHelpSentence) {
  for (const Command& command : all_commands()) {
    std::set<std::string> keys;
    const auto in = declare(command);
    for (const Option& option : in->options) {
      EXPECT_TRUE(keys.insert(option.key).second) << command.name << " " << option.key;
      EXPECT_THAT(option.key, testing::MatchesRegex("[a-z][a-z0-9_]*")) << command.name;
      EXPECT_THAT(option.help, testing::MatchesRegex("[A-Z].*[.;)]"))
          << command.name << " " << option.key;
    }
  }
}

TEST(Commands, NameOnlySharedOptionsThatExist) {
  std::set<std::string> known;
  SharedOptions shared;
  for (const Option& option : options_of(shared)) known.insert(option.key);
  for (const Command& command : all_commands()) {
    for (const std::string& key : command.shared)
      EXPECT_TRUE(known.contains(key)) << command.name << " " << key;
  }
}

TEST(Commands, SetAndReadBackTheirDefaults) {
  for (const Command& command : all_commands()) {
    const auto in = declare(command);
    for (const Option& option : in->options) {
      const Json value = option.get();
      if (value.is_null() || value == "") continue;  // unset
      EXPECT_NO_THROW(option.set(value)) << command.name << option.key;
      EXPECT_EQ(dump_json(option.get()), dump_json(value)) << command.name << option.key;
    }
  }
}

TEST(Commands, OnlyTheLastArgumentMayBeOptionalOrAList) {
  for (const Command& command : all_commands()) {
    for (std::size_t i = 0; i + 1 < command.arguments.size(); ++i) {
      EXPECT_EQ(command.arguments[i].most, 1) << command.name;
    }
  }
}

TEST(Help, EveryPageFitsEightyAndAHundredColumns) {
  for (const int width : {80, 100}) {
    EXPECT_LE(longest_line(overview_text(all_commands(), width, false)), width);
    for (const Command& command : all_commands()) {
      // Examples are lines to copy and are not broken.
      std::string page = command_text(command, width, false);
      for (const auto& example : command.examples) {
        if (const auto at = page.find("  " + example.line); at != page.npos)
          page.erase(at, example.line.size());
      }
      EXPECT_LE(longest_line(page), width) << command.name;
    }
  }
}

TEST(Help, ShowsDefaultsRangesArgumentsAndExamples) {
  const BantamProgram bantam;
  const auto page = bantam({"help", "runs", "show"});
  EXPECT_EQ(page.exit_code, 0);
  for (const char* part : {"Usage: bantam runs show RUN", "--rows COUNT", "at least 0; default 0",
                           "--threads COUNT", "1 to 1024", "Examples", "BANTAM_METRIC"}) {
    EXPECT_THAT(page.output, testing::HasSubstr(part));
  }
  EXPECT_EQ(bantam({"runs", "show", "--help"}).output, page.output);
  EXPECT_EQ(bantam({"runs", "show", "-h", "--rows"}).output, page.output);
}

TEST(Help, OfAVerbListsItsCommandsAndOfAnOptionItsUsers) {
  const BantamProgram bantam;
  EXPECT_THAT(bantam({"help", "runs"}).output, testing::HasSubstr("bantam runs compare"));
  EXPECT_EQ(bantam({"runs", "--help"}).output, bantam({"help", "runs"}).output);
  EXPECT_THAT(bantam({"help", "limit"}).output, testing::HasSubstr("bantam runs list"));
  const auto wrong = bantam({"help", "docter"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.error, testing::HasSubstr("nearest: doctor"));
}

TEST(Help, WithoutWordsIsTheOverview) {
  const BantamProgram bantam;
  const auto page = bantam({});
  EXPECT_EQ(page.exit_code, 0);
  for (const Command& command : all_commands())
    EXPECT_THAT(page.output, testing::HasSubstr(command.name));
  EXPECT_EQ(bantam({"help"}).output, page.output);
  EXPECT_THAT(bantam({"--version"}).output,
              testing::MatchesRegex("bantam [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Completion, ScriptsAreValidAndCompleteCommandsAndFlags) {
  const BantamProgram bantam;
  EXPECT_EQ(bantam.shell("\"$BANTAM\" completion bash | bash -n").error, "");
  const std::string use = "source <(\"$BANTAM\" completion bash); COMP_WORDS=(";
  const std::string show = "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _bantam; echo ${COMPREPLY[@]}";
  EXPECT_EQ(bantam.shell(use + "bantam doc" + show).output, "doctor\n");
  EXPECT_EQ(bantam.shell(use + "bantam runs c" + show).output, "compare\n");
  EXPECT_EQ(bantam.shell(use + "bantam runs list --li" + show).output, "--limit\n");
  EXPECT_THAT(bantam({"completion", "fish"}).output, testing::HasSubstr("-l limit -r"));
  EXPECT_THAT(bantam({"completion", "zsh"}).output, testing::StartsWith("#compdef bantam"));
  EXPECT_EQ(bantam({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace bantam
