#include "bantam/base/options.h"
#include "tests/base/expect_error.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(NearestName, FindsSlipsOfTheFingers) {
  const std::vector<std::string> names = {"learning_rate", "rank", "batch"};
  EXPECT_EQ(nearest_name("learning_rte", names), "learning_rate");
  EXPECT_EQ(nearest_name("rnak", names), "rank");
  EXPECT_EQ(nearest_name("btach", names), "batch");
}

TEST(NearestName, GuessesNothingFarAway) {
  const std::vector<std::string> names = {"rank", "batch"};
  EXPECT_EQ(nearest_name("temperature", names), "");
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'x'), names), "");
  EXPECT_EQ(nearest_name("x", std::vector<std::string>{}), "");
}

TEST(Spec, NameMainValueAndParametersAreTakenApart) {
  EXPECT_EQ(parse_spec("cosine").name, "cosine");
  const Spec wsd = parse_spec("wsd:warmup=1%,decay=10%");
  EXPECT_EQ(wsd.name, "wsd");
  EXPECT_THAT(wsd.parameters, ElementsAre(Pair("warmup", "1%"), Pair("decay", "10%")));
  const Spec main = parse_spec("lora:8,alpha=16");
  EXPECT_EQ(main.main, "8");
  EXPECT_THAT(main.parameters, ElementsAre(Pair("alpha", "16")));
}

TEST(Spec, BrokenPartsAreNamed) {
  EXPECT_ERROR(parse_spec(":x=1"), usage, "expected NAME");
  EXPECT_ERROR(parse_spec("a:x=1,y"), usage, "found 'y'");
  EXPECT_ERROR(parse_spec("a:=1"), usage, "found '=1'");
}

TEST(Registry, AnUnknownNameIsAnsweredWithTheNearest) {
  const Registry<int> registry{"objective", {{"sft", "", 1}, {"pretrain", "", 2}}};
  EXPECT_EQ(registry.find("pretrain"), 2);
  EXPECT_ERROR(registry.find("sftt"), usage, "unknown objective 'sftt'; nearest: sft",
               "known: sft, pretrain");
}

}  // namespace
}  // namespace bantam
