#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"

namespace bantam {
namespace {

TEST(Doctor, SaysWhatAReportNeeds) {
  const BantamProgram bantam;
  const auto result = bantam({"doctor"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part :
       {"Software", "oneDNN", "memory", "disk", "default model", "bantam model pull"}) {
    EXPECT_THAT(result.output, testing::HasSubstr(part));
  }
  EXPECT_THAT(result.output, testing::HasSubstr(bantam.home().path().string()));
}

TEST(Doctor, IsReadableByPrograms) {
  const BantamProgram bantam;
  const Json facts = parse_json(bantam({"doctor", "--json"}).output);
  EXPECT_EQ(facts.at("Places").at("home").at("value"), bantam.home().path().string());
  EXPECT_EQ(facts.at("Places").at("default model").at("ok"), false);
  EXPECT_EQ(
      parse_json(
          bantam({"doctor", "--json", "--threads", "1"}).output)["Machine"]["threads"]["value"]
          .get<std::string>()
          .substr(0, 2),
      "1 ");
}

TEST(Doctor, FindsTheDefaultModelUnderItsName) {
  const BantamProgram bantam;
  std::filesystem::create_directories(bantam.home() / "models");
  write_file_atomically(bantam.home() / "models/smollm2-135m-instruct-q4_1.gguf", "GGUF");
  const Json facts = parse_json(bantam({"doctor", "--json"}).output);
  EXPECT_EQ(facts["Places"]["default model"]["ok"], true);
}

}  // namespace
}  // namespace bantam
