#include "bantam/generate/forbidden_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bantam/base/error.h"
#include "bantam/generate/generator.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Tokens = std::vector<std::int32_t>;

TEST(ForbiddenTokens, EndsOfRepeats) {
  const Tokens text = {1, 2, 3, 1, 2, 4, 1, 2};
  EXPECT_THAT(ends_of_repeats(text, text, 3), UnorderedElementsAre(3, 4));
  EXPECT_THAT(ends_of_repeats(text, text, 2), UnorderedElementsAre(3, 4));
  EXPECT_THAT(ends_of_repeats(text, text, 1), UnorderedElementsAre(1, 2, 3, 1, 2, 4, 1, 2));
  EXPECT_THAT(ends_of_repeats(text, text, 4), IsEmpty());
  EXPECT_THAT(ends_of_repeats(text, text, 0), IsEmpty());
  EXPECT_THAT(ends_of_repeats(text, Tokens{2}, 3), IsEmpty());
  EXPECT_THAT(ends_of_repeats(text, Tokens{9, 2}, 2), UnorderedElementsAre(3, 4));
  EXPECT_THAT(ends_of_repeats({}, Tokens{9, 2}, 2), IsEmpty());
}

TEST(ForbiddenTokens, EndsOfSequences) {
  const std::vector<Tokens> sequences = {{5}, {1, 6}, {2, 1, 7}, {3, 1, 8}, {}};
  EXPECT_THAT(ends_of_sequences(sequences, Tokens{2, 1}), UnorderedElementsAre(5, 6, 7));
  EXPECT_THAT(ends_of_sequences(sequences, Tokens{1}), UnorderedElementsAre(5, 6));
  EXPECT_THAT(ends_of_sequences(sequences, {}), UnorderedElementsAre(5));
}

Request request_for(const std::string& decode) {
  Request request;
  request.prompt = {10, 11, 10, 12};
  request.options.decode = decode;
  request.options.max_tokens = 60;
  if (decode == "sample") request.options.sampler.temperature = 1;
  return request;
}

Tokens answer_to(const LoadedModel& loaded, const Request& request) {
  Generator generator(loaded);
  const Completion completion = generator.generate({&request, 1}).front();
  EXPECT_EQ(completion.error, "");
  return completion.choices.at(0).tokens;
}

class Answers : public testing::TestWithParam<const char*> {};

TEST_P(Answers, HaveNoRunOfTokensTwice) {
  Request request = request_for(GetParam());
  request.options.no_repeat_ngram = 2;
  Tokens all = request.prompt;
  const Tokens answer = answer_to(tiny_loaded(), request);
  all.insert(all.end(), answer.begin(), answer.end());
  std::set<std::pair<std::int32_t, std::int32_t>> pairs;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    EXPECT_TRUE(pairs.emplace(all[i], all[i + 1]).second) << i;
  }
  EXPECT_GT(answer.size(), 3u);
}

TEST_P(Answers, EndBehindTheLeastLengthOnly) {
  // With nothing but ends likely, an answer is as short as it may be.
  LoadedModel loaded = tiny_loaded();
  const AnswerTokens known =
      answer_tokens(*loaded.model, *loaded.tokenizer, loaded.generation_defaults);
  ASSERT_FALSE(known.end.empty());
  Json defaults = Json::object();
  defaults["eos_token_id"] = Json::array();
  for (std::int32_t id = 0; id < 256; id += 2) defaults["eos_token_id"].push_back(id);
  loaded.generation_defaults = defaults;
  const auto is_end = [](std::int32_t id) { return id < 256 && id % 2 == 0; };
  for (const std::int64_t least : {0, 5, 17}) {
    Request request = request_for(GetParam());
    request.options.min_tokens = least;
    const Tokens answer = answer_to(loaded, request);
    for (std::int64_t i = 0; i < std::min(least, std::ssize(answer)); ++i) {
      EXPECT_FALSE(is_end(answer[static_cast<std::size_t>(i)])) << i;
    }
    EXPECT_GT(std::ssize(answer), least);
  }
}

INSTANTIATE_TEST_SUITE_P(Decodings, Answers, testing::Values("greedy", "sample", "beam:3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, ':');
                           return name;
                         });

}  // namespace
}  // namespace bantam
