#include "bantam/generate/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "bantam/generate/cached_forward.h"
#include "bantam/tensor/ops/reduce.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using testing::HasSubstr;

Request request_for(std::vector<std::int32_t> prompt, std::int64_t max_tokens = 12) {
  Request request;
  request.prompt = std::move(prompt);
  request.options.max_tokens = max_tokens;
  request.options.decode = "greedy";
  return request;
}

std::vector<Completion> complete(const std::vector<Request>& requests,
                                 const GeneratorOptions& options = {},
                                 const GenerateHooks& hooks = {}) {
  return Generator(tiny_loaded(), options).generate(requests, hooks);
}

// The slow truth: the whole sequence again for every token.
std::vector<std::int32_t> greedy_by_recomputing(const LoadedModel& loaded,
                                                std::vector<std::int32_t> tokens, int count,
                                                bool ignores_end = false) {
  const AnswerTokens answer =
      answer_tokens(*loaded.model, *loaded.tokenizer, loaded.generation_defaults);
  std::vector<std::int32_t> result;
  while (static_cast<int>(result.size()) < count) {
    const std::vector<double> logits = full_logits(*loaded.model, tokens).values();
    const auto width = static_cast<std::size_t>(loaded.model->config().vocabulary);
    std::vector<float> last(logits.end() - static_cast<std::ptrdiff_t>(width), logits.end());
    std::vector<std::int32_t> never = answer.hidden;
    if (ignores_end) never.insert(never.end(), answer.end.begin(), answer.end.end());
    for (const std::int32_t id : never) {
      last[static_cast<std::size_t>(id)] = -std::numeric_limits<float>::infinity();
    }
    result.push_back(static_cast<std::int32_t>(argmax(last)));
    tokens.push_back(result.back());
    if (std::ranges::binary_search(answer.end, result.back())) break;
  }
  return result;
}

TEST(Generator, GreedyEqualsRecomputingEverything) {
  const LoadedModel loaded = tiny_loaded();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto prompt = random_tokens(3 + 7 * seed, seed);
    const auto completions = complete({request_for(prompt, 20)});
    EXPECT_EQ(completions[0].choices[0].tokens, greedy_by_recomputing(loaded, prompt, 20));
  }
}

TEST(Generator, APromptInABatchGivesTheTokensItGivesAlone) {
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 9; ++seed) {
    requests.push_back(request_for(random_tokens(1 + 5 * seed, seed), 5 + (seed * 7) % 11));
  }
  for (const int batch : {1, 2, 4, 9}) {
    GeneratorOptions options;
    options.max_batch = batch;
    options.step_rows = 16;  // prompts are read in pieces beside running answers
    const auto together = complete(requests, options);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(together[i].choices[0].tokens, complete({requests[i]})[0].choices[0].tokens);
    }
  }
}

// Long prompts are read as passages (Rounding), which round otherwise than answers do: which tokens
// are must not depend on what is read beside them, nor on how many are read at a time.
TEST(Generator, ALongPromptInABatchGivesTheNumbersItGivesAlone) {
  const LoadedModel loaded = tiny_quantized();
  std::vector<Request> requests;
  for (const std::size_t length : {300, 5, 64, 70, 85, 200, 128, 33, 1}) {
    requests.push_back(request_for(random_tokens(length, length), 6));
    requests.back().options.logprobs = true;
  }
  std::vector<Completion> alone;
  for (const Request& request : requests) {
    alone.push_back(Generator(loaded, {.max_batch = 1}).generate({&request, 1})[0]);
  }
  for (const int batch : {2, 4, 9}) {
    for (const std::int64_t step_rows : {64, 100, 512}) {
      const auto together =
          Generator(loaded, {.max_batch = batch, .step_rows = step_rows}).generate(requests);
      for (std::size_t i = 0; i < requests.size(); ++i) {
        const Choice &found = together[i].choices[0], &expected = alone[i].choices[0];
        EXPECT_EQ(found.tokens, expected.tokens) << "prompt " << i;
        EXPECT_EQ(found.log_probabilities, expected.log_probabilities)
            << "prompt " << i << ", " << batch << " at once, " << step_rows << " rows a step";
      }
    }
  }
}

TEST(Generator, APromptIsReadHoweverManyAnswersRun) {
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    requests.push_back(request_for(random_tokens(4, seed), 200));
    requests.back().options.ignore_eos = true;
  }
  requests.push_back(request_for(random_tokens(250, 9), 1));
  std::vector<std::size_t> ended;
  GenerateHooks hooks;
  hooks.on_done = [&](std::size_t request, const Completion&) { ended.push_back(request); };
  // Beside eight answers less than a run of a passage is left of a step.
  complete(requests, {.max_batch = 9, .step_rows = kPassageRun}, hooks);
  ASSERT_EQ(ended.size(), requests.size());
  EXPECT_EQ(ended.front(), 8U) << "4 steps beside 200";
}

TEST(Generator, SampledTokensDoNotDependOnTheBatch) {
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    requests.push_back(request_for(random_tokens(4 + seed, seed), 8));
    requests.back().options.decode = "sample";
    requests.back().options.sampler.temperature = 1;
    requests.back().options.n = 3;
    requests.back().stream = seed;
  }
  GeneratorOptions options;
  options.max_batch = 4;
  const auto together = complete(requests, options);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto alone = complete({requests[i]}, {.max_batch = 1});
    for (int n = 0; n < 3; ++n) {
      EXPECT_EQ(together[i].choices[static_cast<std::size_t>(n)].tokens,
                alone[0].choices[static_cast<std::size_t>(n)].tokens);
    }
    EXPECT_NE(together[i].choices[0].tokens, together[i].choices[1].tokens);
  }
}

TEST(Generator, AnotherSeedGivesAnotherAnswer) {
  Request request = request_for(random_tokens(5, 1), 16);
  request.options.decode = "sample";
  request.options.sampler.temperature = 1;
  const auto first = complete({request});
  EXPECT_EQ(first[0].choices[0].tokens, complete({request})[0].choices[0].tokens);
  request.options.sampler.seed = 1;
  EXPECT_NE(first[0].choices[0].tokens, complete({request})[0].choices[0].tokens);
}

TEST(Generator, APrefixThatPromptsShareIsComputedOnce) {
  const auto prefix = random_tokens(40, 1);
  std::vector<Request> requests;
  for (std::int32_t i = 0; i < 4; ++i) {
    auto prompt = prefix;
    prompt.push_back(i);
    prompt.push_back(i + 1);
    requests.push_back(request_for(prompt, 6));
  }
  const auto completions = complete(requests);
  EXPECT_EQ(completions[0].cached_tokens, 0);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(completions[i].cached_tokens, 40);
    EXPECT_EQ(completions[i].choices[0].tokens, complete({requests[i]})[0].choices[0].tokens);
  }
}

TEST(Generator, AConversationThatGoesOnIsNotReadAgain) {
  Generator generator(tiny_loaded());
  const auto prompt = random_tokens(30, 2);
  const std::vector<Request> first = {request_for(prompt, 10)};
  const Completion turn = generator.generate(first)[0];
  auto longer = prompt;
  longer.insert(longer.end(), turn.choices[0].tokens.begin(), turn.choices[0].tokens.end());
  const auto more = random_tokens(6, 3);
  longer.insert(longer.end(), more.begin(), more.end());
  const std::vector<Request> second = {request_for(longer, 10)};
  const Completion next = generator.generate(second)[0];
  EXPECT_EQ(next.cached_tokens, 39);  // the last token of the answer was chosen but not read
  EXPECT_EQ(next.choices[0].tokens, complete(second)[0].choices[0].tokens);
}

// Prompts on both sides of the length from which the model turns otherwise, answers across it.
TEST(Generator, AnAnswerThatOutgrowsASwitchOfRotationsIsReadAgain) {
  const LoadedModel loaded = tiny_loaded(7, 256, switching_rope(40));
  std::vector<Request> requests;
  for (const std::size_t length : {30, 39, 40, 41, 60, 35}) {
    requests.push_back(request_for(random_tokens(length, 1), 25));  // each begins as the others do
    requests.back().options.ignore_eos = true;
  }
  for (const std::int64_t rows : {7, 512}) {
    Generator generator(loaded, {.max_batch = 3, .step_rows = rows});
    for (int round = 0; round < 2; ++round) {  // the second finds what the first has kept
      const std::vector<Completion> found = generator.generate(requests, {});
      for (std::size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(found[i].choices[0].tokens,
                  greedy_by_recomputing(loaded, requests[i].prompt, 25, true))
            << "prompt of " << requests[i].prompt.size() << ", " << rows << " rows";
      }
    }
  }
}

TEST(Generator, APromptReadInPiecesTurnsByItsWholeLength) {
  RopePart rope = plain_rope();
  rope.switch_length = 20;
  rope.dynamic_factor = 3;
  const LoadedModel loaded = tiny_loaded(7, 256, rope);
  std::vector<Request> requests;
  for (const std::size_t length : {15, 30, 50, 90}) {
    requests.push_back(request_for(random_tokens(length, 1), 1));
    requests.back().options.ignore_eos = true;
  }
  Generator generator(loaded, {.step_rows = 8});
  const std::vector<Completion> found = generator.generate(requests, {});
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(found[i].choices[0].tokens,
              greedy_by_recomputing(loaded, requests[i].prompt, 1, true));
  }
}

TEST(Generator, StreamedPiecesJoinToTheText) {
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    requests.push_back(request_for(random_tokens(6, seed), 30));
    requests.back().options.n = 2;
    requests.back().options.decode = "sample";
    requests.back().options.sampler.temperature = 1;
  }
  std::vector<std::vector<std::string>> streamed(4, std::vector<std::string>(2));
  GenerateHooks hooks;
  hooks.on_text = [&](std::size_t request, int sample, std::string_view text) {
    streamed[request][static_cast<std::size_t>(sample)] += text;
  };
  const auto completions = complete(requests, {.max_batch = 3}, hooks);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t n = 0; n < 2; ++n) EXPECT_EQ(streamed[i][n], completions[i].choices[n].text);
  }
}

TEST(Generator, LogProbabilitiesAreTheModelsOwn) {
  Request request = request_for(random_tokens(5, 4), 6);
  request.options.logprobs = true;
  const Choice choice = complete({request})[0].choices[0];
  ASSERT_EQ(choice.log_probabilities.size(), choice.tokens.size());
  auto whole = request.prompt;
  whole.insert(whole.end(), choice.tokens.begin(), choice.tokens.end());
  const std::vector<double> logits = full_logits(*tiny_loaded().model, whole).values();
  for (std::size_t i = 0; i < choice.tokens.size(); ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>((4 + i) * 264);
    const std::vector<float> values(row, row + 264);
    EXPECT_NEAR(choice.log_probabilities[i],
                values[static_cast<std::size_t>(choice.tokens[i])] - log_sum_exp(values), 1e-4);
  }
}

TEST(Generator, PaddingOfTheVocabularyIsNeverChosen) {
  Request request = request_for(random_tokens(5, 4), 200);
  request.options.decode = "sample";
  request.options.sampler.temperature = 50;  // nearly uniform
  request.options.ignore_eos = true;
  const Choice choice = complete({request})[0].choices[0];
  EXPECT_EQ(choice.tokens.size(), 200U);
  for (const std::int32_t token : choice.tokens) {
    EXPECT_LT(token, 260);
    EXPECT_NE(token, 259);  // the end token
  }
}

TEST(Generator, AFullContextEndsTheAnswerAndSaysSo) {
  GeneratorOptions options;
  options.context = 20;
  Request request = request_for(random_tokens(15, 4), 100);
  request.options.ignore_eos = true;
  const Completion completion = complete({request}, options)[0];
  EXPECT_EQ(completion.choices[0].tokens.size(), 5U);
  EXPECT_EQ(completion.choices[0].finish_reason, FinishReason::length);
  EXPECT_TRUE(completion.choices[0].context_full);
}

TEST(Generator, PromptsThatDoNotFitAreRefusedWithBothNumbers) {
  const std::vector<Request> requests = {request_for({1}), request_for(random_tokens(300, 1))};
  try {
    complete(requests);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), HasSubstr("request 2"));
    EXPECT_THAT(error.what(), HasSubstr("300 tokens"));
    EXPECT_THAT(error.what(), HasSubstr("context of 256"));
  }
}

TEST(Generator, WrongTokensAndEmptyPromptsAreRefused) {
  EXPECT_THROW(complete({request_for({})}), Error);
  EXPECT_THROW(complete({request_for({1, 264})}), Error);
  EXPECT_THROW(complete({request_for({-1})}), Error);
}

TEST(Generator, CancellingKeepsWhatWasSaid) {
  int asked = 0;
  GenerateHooks hooks;
  hooks.cancelled = [&asked] { return ++asked > 6; };
  Request request = request_for(random_tokens(5, 4), 100);
  request.options.ignore_eos = true;
  const Choice choice = complete({request}, {}, hooks)[0].choices[0];
  EXPECT_EQ(choice.finish_reason, FinishReason::cancelled);
  EXPECT_GT(choice.tokens.size(), 0U);
  EXPECT_LT(choice.tokens.size(), 10U);
}

TEST(Generator, DamagedWeightsFailTheRequestByName) {
  LoadedModel loaded = tiny_loaded();
  for (Parameter& parameter : loaded.model->parameters()) {
    if (parameter.name == "norm.weight") {
      *parameter.tensor = Tensor::full({16}, std::numeric_limits<double>::quiet_NaN());
    }
  }
  Generator generator(loaded);
  const std::vector<Request> requests = {request_for({1, 2}), request_for({3})};
  for (const Completion& completion : generator.generate(requests)) {
    EXPECT_THAT(completion.error, HasSubstr("not finite"));
  }
}

TEST(Generator, ManyRequestsLeaveTheStoreAsItWas) {
  GeneratorOptions options;
  options.max_batch = 3;
  options.context = 64;
  options.kept_sequences = 2;
  Generator generator(tiny_loaded(), options);
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    requests.push_back(request_for(random_tokens(1 + seed % 50, seed), 40));
    requests.back().options.n = 1 + static_cast<int>(seed % 3);
  }
  for (int round = 0; round < 3; ++round) {
    for (const Completion& completion : generator.generate(requests)) {
      EXPECT_EQ(completion.error, "");
    }
  }
}

TEST(Generator, RowsOfCompletionFilesHaveTheirFields) {
  Completion completion;
  completion.choices.resize(1);
  completion.choices[0].text = "14";
  completion.choices[0].tokens = {1, 2};
  completion.choices[0].stop = "\n";
  const Json row = completion_to_json("2+3*4=", completion);
  EXPECT_EQ(
      dump_json(row),
      R"({"prompt":"2+3*4=","completions":[{"text":"14","tokens":[1,2],"finish_reason":"stop","stop":"\n"}]})");
}

TEST(CachedForward, LogitsEqualTheFullPass) {
  const auto model = tiny_model(264);
  const auto tokens = random_tokens(70, 9);
  KvStore store(model->config().kv_shape(), 128);
  const KvStore::Sequence sequence = store.new_sequence();
  const std::vector<double> expected = full_logits(*model, tokens).values();
  std::size_t begin = 0;
  for (const std::size_t piece : {1, 30, 1, 1, 37}) {
    const KvStore::Append append{sequence, static_cast<std::int64_t>(piece)};
    const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(begin);
    const Tensor hidden =
        forward_cached(*model, store, store.extend({&append, 1}),
                       {first, first + static_cast<std::ptrdiff_t>(piece)}, Rounding::rows);
    const std::vector<double> logits = model->logits(hidden).values();
    for (std::size_t i = 0; i < logits.size(); ++i) {
      ASSERT_NEAR(logits[i], expected[begin * 264 + i], 1e-4);
    }
    begin += piece;
  }
}

}  // namespace
}  // namespace bantam
