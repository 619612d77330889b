#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

TEST(Chat, AnswersOncePipedOrGiven) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const std::string options = " -m " + model + " --max-tokens 8 --decode greedy";
  const auto piped = bantam.shell("echo hi | $BANTAM chat" + options);
  EXPECT_EQ(piped.exit_code, 0) << piped.error;
  const auto given = bantam.shell("$BANTAM chat hi" + options);
  EXPECT_EQ(given.output, piped.output);
  EXPECT_EQ(bantam.shell("printf hi | $BANTAM chat -" + options).output, piped.output);
  EXPECT_TRUE(piped.output.ends_with("\n"));
}

TEST(Chat, LinesAreTurnsAndCommandsActOnTheConversation) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const std::string saved = (bantam.home().path() / "talk.jsonl").string();
  const auto result = bantam.shell(
      "printf '/system Be short.\\nfirst\\nsecond \\\\\\nline\\n/save " + saved +
      "\\n/reset\\nthird\\n/exit\\nnever\\n' | $BANTAM chat --json --max-tokens 4 -m " + model);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(std::ranges::count(result.output, '\n'), 3);
  const Json row = parse_json(read_file(saved));
  ASSERT_EQ(row["messages"].size(), 5U);
  EXPECT_EQ(row["messages"][0]["content"], "Be short.");
  EXPECT_EQ(row["messages"][3]["content"], "second \nline");
  EXPECT_EQ(row["messages"][4]["role"], "assistant");
}

TEST(Chat, WrongCommandsNameTheNearestAndFailAScript) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto result = bantam.shell("echo /sytem x | $BANTAM chat -m " + model);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.error, HasSubstr("nearest: /system"));
}

// Its template begins a thought, which a random model never ends.
std::string write_thinking_model(const Path& folder) {
  LoadedModel loaded = tiny_loaded();
  loaded.chat_template =
      ChatTemplate::parse("{% for m in messages %}{{ m.content }}{% endfor %}<think>\n",
                          special_texts(*loaded.tokenizer));
  const Path file = folder / "thinking.gguf";
  save_gguf(loaded, file, DType::f32);
  return file.string();
}

TEST(Chat, ThoughtsAreDimmedOnATerminalAndLeftOutOfAPipe) {
  const BantamProgram bantam;
  const std::string model = write_thinking_model(bantam.home().path());
  const std::vector<std::string> words = {"chat",         "hi", "-m",       model,
                                          "--max-tokens", "8",  "--decode", "greedy"};
  const ProcessResult plain = bantam(words);
  EXPECT_EQ(plain.output, "\n");
  EXPECT_THAT(plain.error, HasSubstr("--show-reasoning prints it"));
  std::vector<std::string> shown = words;
  shown.emplace_back("--show-reasoning");
  const std::string marked = bantam(shown).output;
  EXPECT_TRUE(marked.starts_with("<think>\n")) << marked;
  EXPECT_TRUE(marked.ends_with("\n</think>\n")) << marked;
  EXPECT_THAT(bantam(words, {"CLICOLOR_FORCE=1"}).output, HasSubstr("\x1b[2m"));
  std::vector<std::string> json = words;
  json.emplace_back("--json");
  const Json reply = parse_json(bantam(json).output);
  EXPECT_EQ(reply["message"]["content"], "");
  EXPECT_NE(reply["message"]["reasoning_content"], "");
}

TEST(Chat, ToolsAreAListInAFile) {
  const BantamProgram bantam;
  const std::string options =
      " --max-tokens 4 -m " + write_tiny_model(bantam.home().path()) + " --tools ";
  const std::string file = (bantam.home().path() / "tools.json").string();
  const auto with_tools = [&](const std::string& json) {
    return bantam.shell("printf '" + json + "' > " + file + "; $BANTAM chat hi" + options + file);
  };
  EXPECT_EQ(with_tools("[]").exit_code, 0);
  const auto refused = with_tools("{}");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.error, HasSubstr("tools.json: expected a list of tools, found object"));
}

TEST(Chat, AConversationThatDoesNotFitNamesBothNumbers) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto result = bantam({"chat", std::string(300, 'x'), "-m", model});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.error, HasSubstr("context of 256"));
}

TEST(Chat, AFullContextIsSaid) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto result = bantam({"chat", "hi", "-m", model, "--context", "64", "--temperature", "9"});
  EXPECT_EQ(result.exit_code, 0);
  if (result.error.find("ends here") != std::string::npos) {
    EXPECT_THAT(result.error, HasSubstr("fill the context of 64"));
  }
}

}  // namespace
}  // namespace bantam
