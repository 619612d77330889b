#include "bantam/generate/beam_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bantam/generate/generator.h"
#include "bantam/generate/sampler.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/safetensors.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using Tokens = std::vector<std::int32_t>;

struct Scored {
  Tokens tokens;
  double score;
};

// Every answer over a few tokens, scored by recomputing.
void enumerate(const CausalLM& model, const Tokens& prompt, const Tokens& allowed, std::int32_t end,
               std::size_t limit, double penalty, const Tokens& answer, double sum,
               std::vector<Scored>& all) {
  Tokens whole = prompt;
  whole.insert(whole.end(), answer.begin(), answer.end());
  const std::vector<double> logits = full_logits(model, whole).values();
  const std::vector<float> last(logits.end() - model.config().vocabulary, logits.end());
  for (const std::int32_t token : allowed) {
    Tokens longer = answer;
    longer.push_back(token);
    const double longer_sum = sum + last[static_cast<std::size_t>(token)] - log_sum_exp(last);
    if (token == end || longer.size() == limit) {
      all.push_back({longer, longer_sum / std::pow(static_cast<double>(longer.size()), penalty)});
    } else {
      enumerate(model, prompt, allowed, end, limit, penalty, longer, longer_sum, all);
    }
  }
}

TEST(BeamSearch, WithEnoughBeamsItFindsTheBestOfAllAnswers) {
  const auto model = tiny_model(264);
  const Tokens allowed = {10, 11, 12, 259};
  AnswerTokens tokens;
  tokens.end = {259};
  for (std::int32_t id = 0; id < 264; ++id) {
    if (std::ranges::find(allowed, id) == allowed.end()) tokens.hidden.push_back(id);
  }
  for (const double penalty : {0.0, 1.0, 2.0}) {
    Request request;
    request.prompt = {1, 2, 3};
    request.options.max_tokens = 4;
    request.options.length_penalty = penalty;
    request.options.n = 5;
    request.options.logprobs = true;
    std::vector<Scored> all;
    enumerate(*model, request.prompt, allowed, 259, 4, penalty, {}, 0, all);
    std::ranges::sort(all, std::greater<>(), &Scored::score);
    BeamSettings settings;
    settings.beams = 256;
    settings.context = 256;
    const Completion found = beam_search(*model, tiny_tokenizer(), tokens, request, settings);
    ASSERT_EQ(found.choices.size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(found.choices[i].tokens, all[i].tokens);
      EXPECT_NEAR(*found.choices[i].score, all[i].score, 1e-4);
      double sum = 0;
      for (const double value : found.choices[i].log_probabilities) sum += value;
      EXPECT_NEAR(sum / std::pow(static_cast<double>(all[i].tokens.size()), penalty), all[i].score,
                  1e-4);
    }
  }
}

TEST(BeamSearch, OneBeamIsGreedy) {
  const LoadedModel loaded = tiny_loaded();
  const AnswerTokens tokens = answer_tokens(*loaded.model, *loaded.tokenizer, Json());
  Request request;
  request.prompt = {4, 5};
  request.options.max_tokens = 10;
  request.options.ignore_eos = true;
  BeamSettings settings;
  settings.beams = 1;
  settings.context = 256;
  const Completion beams = beam_search(*loaded.model, loaded.tokenizer, tokens, request, settings);
  Generator generator(loaded);
  EXPECT_EQ(beams.choices[0].tokens, generator.generate({&request, 1})[0].choices[0].tokens);
  EXPECT_EQ(beams.choices[0].finish_reason, FinishReason::length);
}

CausalLM golden_model(const Path& folder) {
  const HfConfig config = HfConfig::read(folder / "config.json");
  const Architecture& family = architecture_of_hf(config.require_string("model_type"));
  const DecoderConfig numbers = family.config_from_hf(config);
  std::vector<std::string> warnings;
  const auto source = SafetensorsFile::open(folder / "model.safetensors");
  return CausalLM(family, numbers,
                  read_decoder_weights(*source, WeightNaming::hf, family, numbers, warnings));
}

TEST(BeamSearch, EqualsTransformers) {
  const Path golden = Path(BANTAM_SOURCE_DIR) / "tests/golden";
  const Json items = parse_json(read_file(golden / "generate/beams.json"));
  ASSERT_GE(items.size(), 8U);
  for (const Json& item : items) {
    SCOPED_TRACE(dump_json(item));
    const CausalLM model = golden_model(golden / "model/llama" / item["model"].get<std::string>());
    AnswerTokens tokens;
    tokens.end = item["end"].get<Tokens>();
    Request request;
    request.prompt = item["prompt"].get<Tokens>();
    request.options.max_tokens = item["max_tokens"].get<std::int64_t>();
    request.options.length_penalty = item["length_penalty"].get<double>();
    request.options.n = static_cast<int>(item["answers"].size());
    if (item["repetition_penalty"] != 1.0) {
      request.options.sampler.repetition_penalty = item["repetition_penalty"].get<double>();
    }
    BeamSettings settings;
    settings.beams = item["beams"].get<int>();
    settings.context = 4096;
    const Completion found = beam_search(model, tiny_tokenizer(), tokens, request, settings);
    ASSERT_EQ(found.choices.size(), item["answers"].size());
    for (std::size_t i = 0; i < found.choices.size(); ++i) {
      EXPECT_EQ(found.choices[i].tokens, item["answers"][i]["tokens"].get<Tokens>());
      EXPECT_NEAR(*found.choices[i].score, item["answers"][i]["score"].get<double>(), 1e-4);
    }
  }
}

TEST(BeamSearch, StopStringsEndABeam) {
  const LoadedModel loaded = tiny_loaded();
  Request request;
  request.prompt = {4, 5};
  request.options.max_tokens = 8;
  request.options.ignore_eos = true;
  BeamSettings settings;
  settings.beams = 2;
  settings.context = 256;
  const AnswerTokens tokens = answer_tokens(*loaded.model, *loaded.tokenizer, Json());
  const Choice free =
      beam_search(*loaded.model, loaded.tokenizer, tokens, request, settings).choices[0];
  ASSERT_GE(free.tokens.size(), 3U);
  const std::string stop = loaded.tokenizer->decode(std::span(free.tokens).subspan(2, 1));
  request.options.stop = {stop};
  const Completion stopped =
      beam_search(*loaded.model, loaded.tokenizer, tokens, request, settings);
  for (const Choice& choice : stopped.choices) {
    EXPECT_EQ(choice.text.find(stop), std::string::npos);
  }
}

TEST(BeamSearch, MoreAnswersThanBeamsAreRefused) {
  Request request;
  request.prompt = {1};
  request.options.n = 5;
  BeamSettings settings;
  settings.context = 16;
  EXPECT_THROW(beam_search(*tiny_model(264), tiny_tokenizer(), {}, request, settings), Error);
}

}  // namespace
}  // namespace bantam
