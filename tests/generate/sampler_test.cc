#include "bantam/generate/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {
namespace {

using testing::ElementsAre;

SamplerOptions options_from(const Json& settings) {
  SamplerOptions options;
  std::vector<Option> declared = options_of(options);
  for (const auto& [key, value] : settings.items()) {
    for (Option& option : declared) {
      if (option.key == key) option.set(value);
    }
  }
  return options;
}

Candidates all_of(const std::vector<float>& logits) {
  Candidates candidates;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    candidates.push_back({static_cast<std::int32_t>(i), logits[i]});
  }
  return candidates;
}

TEST(Sampler, ProcessorsEqualTransformers) {
  const Json golden =
      parse_json(read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/generate/processors.json"));
  ASSERT_GE(golden.size(), 20U);
  for (const Json& item : golden) {
    SCOPED_TRACE(dump_json(item["options"]));
    Candidates candidates = all_of(item["logits"].get<std::vector<float>>());
    const auto history = item["history"].get<std::vector<std::int32_t>>();
    process_candidates(candidates, options_from(item["options"]), history);
    const auto ids = item["kept"].get<std::vector<std::int32_t>>();
    const auto logits = item["kept_logits"].get<std::vector<float>>();
    ASSERT_EQ(candidates.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(candidates[i].id, ids[i]);
      EXPECT_NEAR(candidates[i].logit, logits[i], 1e-5 * (1 + std::abs(logits[i])));
    }
  }
}

TEST(Sampler, GreedyTakesTheFirstOfEquals) {
  const std::vector<float> logits = {1, 3, 3, 2};
  EXPECT_EQ(Sampler({}, 0).choose(logits, {}, 0), 1);
  EXPECT_TRUE(Sampler({}, 0).greedy());
}

TEST(Sampler, GreedyWithAPenaltyLeavesWhatWasSaid) {
  SamplerOptions options;
  options.repetition_penalty = 2;
  const std::vector<float> logits = {1, 3, 2};
  const std::vector<std::int32_t> history = {1};
  EXPECT_EQ(Sampler(options, 0).choose(logits, history, 0), 2);
}

TEST(Sampler, NeverChoosesAForbiddenToken) {
  SamplerOptions options;
  options.temperature = 100;
  const float never = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {never, 1, never, 2};
  for (std::uint64_t position = 0; position < 200; ++position) {
    const std::int32_t token = Sampler(options, 0).choose(logits, {}, position);
    EXPECT_TRUE(token == 1 || token == 3);
  }
  const std::vector<float> nothing = {never, never};
  EXPECT_THROW(Sampler(options, 0).choose(nothing, {}, 0), Error);
}

TEST(Sampler, DrawsWithTheProbabilitiesOfTheSoftmax) {
  SamplerOptions options;
  options.temperature = 1;
  options.seed = 3;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  std::vector<int> counts(3);
  const int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    ++counts[static_cast<std::size_t>(
        Sampler(options, 0).choose(logits, {}, static_cast<std::uint64_t>(i)))];
  }
  // Four standard deviations of a binomial count.
  const double probabilities[] = {0.5, 0.3, 0.2};
  for (int i = 0; i < 3; ++i) {
    const double p = probabilities[i];
    EXPECT_NEAR(counts[static_cast<std::size_t>(i)], draws * p, 4 * std::sqrt(draws * p * (1 - p)));
  }
}

TEST(Sampler, NoiseIsAFunctionOfSeedStreamAndPosition) {
  SamplerOptions options;
  options.temperature = 1;
  const std::vector<float> logits(1000, 0.0f);
  const Sampler a(options, 5), same(options, 5), other(options, 6);
  std::vector<std::int32_t> first, again, different;
  for (std::uint64_t position : {3, 1, 2}) first.push_back(a.choose(logits, {}, position));
  for (std::uint64_t position : {3, 1, 2}) again.push_back(same.choose(logits, {}, position));
  for (std::uint64_t position : {3, 1, 2}) different.push_back(other.choose(logits, {}, position));
  EXPECT_EQ(first, again);
  EXPECT_NE(first, different);
}

TEST(Sampler, LogSumExpHoldsForLargeLogits) {
  const std::vector<float> logits = {1000, 1000};
  EXPECT_NEAR(log_sum_exp(logits), 1000 + std::log(2.0), 1e-9);
}

TEST(Sampler, OptionsNameTheirRange) {
  SamplerOptions options;
  std::vector<Option> declared = options_of(options);
  for (Option& option : declared) {
    if (option.key == "top_p") {
      EXPECT_THROW(option.set(1.5), Error);
    }
    if (option.key == "temperature") {
      EXPECT_THROW(option.set(-1), Error);
    }
  }
}

}  // namespace
}  // namespace bantam
