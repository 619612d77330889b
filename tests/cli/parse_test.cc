#include "bantam/cli/parse.h"

#include <fstream>

#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

struct TuneOptions {
  int rank = 8;
  double rate = 1e-3;
  bool packed = true;
  std::string model;
  std::vector<std::string> stop;
};

}  // namespace

template <>
void describe(Describer<TuneOptions>& d) {
  d(&TuneOptions::rank, "rank", "Rank.", between(1, 64));
  d(&TuneOptions::rate, "rate", "Rate.", above(0.0));
  d(&TuneOptions::packed, "packed", "Packed.");
  d(&TuneOptions::model, "model", "Model.");
  d(&TuneOptions::stop, "stop", "Stop.");
}

namespace {

class Tune final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }
  int run(Session&) override { return 0; }

 private:
  TuneOptions options_;
};

class Parse : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"BANTAM_RANK", "BANTAM_STOP", "BANTAM_RATE"}) ::unsetenv(name);
  }
  std::unique_ptr<Invocation> parse(const std::vector<std::string>& words) {
    return parse_command_line(commands_, words);
  }
  static std::string value(const Invocation& in, const std::string& key) {
    for (const Option& option : in.options) {
      if (option.key == key) return dump_json(option.get());
    }
    return "no such option";
  }
  static Command command(const std::string& name, std::vector<Argument> arguments) {
    return {.name = name,
            .summary = "",
            .arguments = std::move(arguments),
            .shared = {"out", "seed"},
            .body = [] { return std::make_unique<Tune>(); }};
  }
  TemporaryFolder folder_;
  std::vector<Command> commands_ = {command("tune", {{"DATA", "Rows."}, {"MORE", "", 0, 2}}),
                                    command("data show", {}), command("data mix", {})};
};

TEST_F(Parse, FlagsTakeTheirValueAfterABlankOrAnEqualsSign) {
  const auto in = parse({"tune", "rows.jsonl", "--rank", "16", "--rate=0.01", "-m", "x.gguf"});
  EXPECT_EQ(value(*in, "rank"), "16");
  EXPECT_EQ(value(*in, "rate"), "0.01");
  EXPECT_EQ(value(*in, "model"), "\"x.gguf\"");
  EXPECT_EQ(in->arguments, std::vector<std::string>{"rows.jsonl"});
}

TEST_F(Parse, BooleansHaveANegation) {
  EXPECT_EQ(value(*parse({"tune", "x"}), "packed"), "true");
  EXPECT_EQ(value(*parse({"tune", "x", "--no-packed"}), "packed"), "false");
  EXPECT_EQ(value(*parse({"tune", "x", "--packed=false"}), "packed"), "false");
  EXPECT_ERROR(parse({"tune", "x", "--no-packed=1"}), usage, "takes no value");
  EXPECT_ERROR(parse({"tune", "x", "--no-rank"}), usage, "unknown flag");
}

TEST_F(Parse, ListsAreRepeatedOrSeparatedByCommas) {
  EXPECT_EQ(value(*parse({"tune", "x", "--stop", "a,b", "--stop", "c"}), "stop"),
            R"(["a","b","c"])");
}

TEST_F(Parse, EverythingAfterTwoDashesIsAnArgument) {  // K9
  const auto in = parse({"tune", "--", "-strange name\n.jsonl", "--rank"});
  EXPECT_EQ(in->arguments[0], "-strange name\n.jsonl");
  EXPECT_EQ(in->arguments[1], "--rank");
  EXPECT_EQ(parse({"tune", "-"})->arguments[0], "-");
}

TEST_F(Parse, FlagsBeatVariablesAndVariablesBeatTheFile) {
  std::ofstream(folder_ / "run.toml") << "rank = 2\nrate = 0.5\nstop = [\"f\"]\n";
  const std::string config = (folder_ / "run.toml").string();
  EXPECT_EQ(value(*parse({"tune", "x", "--config", config}), "rank"), "2");
  ::setenv("BANTAM_RANK", "3", 1);
  EXPECT_EQ(value(*parse({"tune", "x", "--config", config}), "rank"), "3");
  const auto in = parse({"tune", "x", "--config", config, "--rank", "4"});
  EXPECT_EQ(value(*in, "rank"), "4");
  EXPECT_EQ(value(*in, "rate"), "0.5");
}

TEST_F(Parse, AFlagThatReplacesAValueOfTheFileIsTold) {  // K4
  std::ofstream(folder_ / "run.toml") << "rank = 2\n";
  const auto in = parse({"tune", "x", "--config", (folder_ / "run.toml").string(), "--rank", "4"});
  EXPECT_THAT(in->notes, testing::ElementsAre("--rank 4 replaces 2 of the configuration"));
}

TEST_F(Parse, TwoValuesForOneFlagContradict) {  // K4
  EXPECT_ERROR(parse({"tune", "x", "--rank", "4", "--rank", "8"}), usage, "--rank", "'4'", "'8'");
  EXPECT_EQ(value(*parse({"tune", "x", "--rank", "4", "--rank", "4"}), "rank"), "4");
}

TEST_F(Parse, AWrongVariableIsNamed) {
  ::setenv("BANTAM_RANK", "many", 1);
  EXPECT_ERROR(parse({"tune", "x"}), usage, "BANTAM_RANK", "many");
}

TEST_F(Parse, UnknownFlagsAreAnsweredWithTheNearest) {  // K1
  EXPECT_ERROR(parse({"tune", "x", "--rnak", "4"}), usage, "'--rnak'", "nearest: --rank");
  EXPECT_ERROR(parse({"tune", "x", "-z"}), usage, "'-z'");
  EXPECT_ERROR(parse({"tune", "x", "--force"}), usage,
               "unknown flag");  // shared, but not read by this command
}

TEST_F(Parse, UnknownCommandsAreAnsweredWithTheNearest) {
  EXPECT_ERROR(parse({"tun"}), usage, "unknown command 'tun'", "nearest: tune");
  EXPECT_ERROR(parse({"data", "shwo"}), usage, "'data shwo'", "nearest: data show");
  EXPECT_ERROR(parse({"data"}), usage, "expected one of show, mix");
  EXPECT_ERROR(parse({"--json", "tune"}), usage, "expected a command before '--json'");
}

TEST_F(Parse, ArgumentsAreCounted) {
  EXPECT_ERROR(parse({"tune"}), usage, "expected DATA", "bantam help tune");
  EXPECT_ERROR(parse({"tune", "a", "b", "c", "d"}), usage, "one argument too many: 'd'");
  EXPECT_ERROR(parse({"tune", "x", "--rank"}), usage, "--rank: expected a value");
  EXPECT_ERROR(parse({"tune", "x", "--rank", "--packed"}), usage, "--rank: expected a value");
}

TEST_F(Parse, NegativeValuesReachTheirRangeCheck) {  // K3
  EXPECT_ERROR(parse({"tune", "x", "--rate", "-1"}), usage,
               "--rate: expected more than 0, found '-1'");
}

TEST_F(Parse, SecretsOnTheCommandLineAreRefused) {  // K11
  EXPECT_ERROR(parse({"tune", "x", "--api-key", "sk-1"}), refused, "--api-key",
               "variable OPENAI_API_KEY");
  EXPECT_ERROR(parse({"tune", "x", "--hf-token=abc"}), refused, "--hf-token");
}

TEST_F(Parse, HelpAndPrintedConfigNeedNoArguments) {
  EXPECT_TRUE(parse({"tune", "--help"})->help);
  EXPECT_TRUE(parse({"tune", "--print-config"})->print_config);
}

}  // namespace
}  // namespace bantam
