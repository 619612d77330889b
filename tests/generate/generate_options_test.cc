#include "bantam/generate/generate_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Json kSampling = {{"do_sample", true}, {"temperature", 0.6}, {"top_p", 0.9}, {"top_k", 40}};

TEST(GenerateOptions, FilesSayHowToSampleAndItIsTold) {
  GenerateOptions options;
  EXPECT_THAT(apply_generation_defaults(options, kSampling),
              ElementsAre("temperature 0.6", "top_k 40", "top_p 0.9"));
  EXPECT_EQ(options.decode, "sample");
  EXPECT_EQ(options.sampler.temperature, 0.6);
}

TEST(GenerateOptions, TheUserBeatsTheFile) {
  GenerateOptions options;
  options.sampler.temperature = 1.2;
  options.sampler.top_k = 0;
  EXPECT_THAT(apply_generation_defaults(options, kSampling), ElementsAre("top_p 0.9"));
  EXPECT_EQ(options.sampler.temperature, 1.2);
  EXPECT_EQ(options.sampler.top_k, 0);
}

TEST(GenerateOptions, GreedyWithoutAFileOrWithoutDoSample) {
  GenerateOptions without, with;
  EXPECT_THAT(apply_generation_defaults(without, Json()), IsEmpty());
  EXPECT_THAT(apply_generation_defaults(with, {{"temperature", 0.6}}), IsEmpty());
  EXPECT_EQ(without.decode, "greedy");
  EXPECT_EQ(with.decode, "greedy");
  EXPECT_EQ(with.sampler.temperature, 0);
}

TEST(GenerateOptions, AskingForGreedyOverridesASamplingFile) {
  GenerateOptions options;
  options.decode = "greedy";
  EXPECT_THAT(apply_generation_defaults(options, kSampling), IsEmpty());
  EXPECT_EQ(options.sampler.temperature, 0);
  EXPECT_FALSE(options.sampler.top_k);
}

TEST(GenerateOptions, SamplingWithoutATemperatureIsAtOne) {
  GenerateOptions options;
  options.decode = "sample";
  apply_generation_defaults(options, Json::object());
  EXPECT_EQ(options.sampler.temperature, 1);
}

TEST(GenerateOptions, BeamsComeFromTheFileToo) {
  GenerateOptions options;
  EXPECT_THAT(apply_generation_defaults(options, {{"num_beams", 4}, {"length_penalty", 0.5}}),
              ElementsAre("num_beams 4", "length_penalty 0.5"));
  EXPECT_EQ(options.decode, "beam:4");
  EXPECT_EQ(options.length_penalty, 0.5);
}

TEST(GenerateOptions, WrongValuesInAFileAreLeftOut) {
  GenerateOptions options;
  const Json damaged = {{"do_sample", true}, {"temperature", "hot"}, {"top_p", 7}};
  EXPECT_THAT(apply_generation_defaults(options, damaged), IsEmpty());
  EXPECT_EQ(options.sampler.temperature, 1);
}

TEST(GenerateOptions, DecodingNamesWhatIsKnown) {
  EXPECT_EQ(parse_decoding("beam:3").beams, 3);
  for (const char* wrong : {"beam", "beam:0", "beam:x", "grredy", "sample:2"}) {
    try {
      parse_decoding(wrong);
      FAIL() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::usage);
      EXPECT_THAT(error.what(), HasSubstr("decode"));
    }
  }
}

}  // namespace
}  // namespace bantam
