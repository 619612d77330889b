// Losses and gradients of encoder-decoders and of encoders with a head, and three AdamW steps, as
// transformers and torch compute them: tests/golden/train/encoders.json, made by
// tools/golden/train_encoders.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bantam/model/load_seq2seq.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/train/loss_log.h"
#include "bantam/train/trainer.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

const Json& golden() {
  static const Json all = read_json(golden_folder() / "train/encoders.json");
  return all;
}

using Ids = std::vector<std::int32_t>;

// A model of one kind with the rows that it learns from.
struct Bench {
  std::shared_ptr<Seq2SeqModel> seq2seq;
  std::unique_ptr<EncoderModel> classifier;
  std::vector<Example> examples;
  std::string objective;

  TrainableModel model() const {
    return seq2seq ? TrainableModel(*seq2seq) : TrainableModel(*classifier);
  }
  ParameterSet parameters() const {
    std::vector<Parameter> all = seq2seq ? seq2seq->parameters() : classifier->parameters();
    // A constant in transformers.
    std::erase_if(all, [](const Parameter& p) { return p.name == "head_bias.weight"; });
    return ParameterSet::select(std::move(all), "all", 9);
  }
  NamedTensorList weights() const {
    NamedTensorList list;
    visit_decoder_weights(
        seq2seq ? static_cast<const Transformer&>(*seq2seq) : classifier->encoder(),
        WeightNaming::hf,
        [&](const std::string& name, const Tensor& weight) { list.emplace_back(name, weight); });
    if (classifier) {
      for (const auto& [name, weight] : tensors_of(classifier->head())) {
        list.emplace_back(name, weight);
      }
    }
    return list;
  }
};

Example answered(const Json& source, const Json& answer, const Json& golden_case) {
  Example example;
  const auto end = golden_case["end"].get<std::int32_t>();
  example.source = source.get<Ids>();
  example.source.push_back(end);
  example.ids = answer.get<Ids>();
  example.ids.insert(example.ids.begin(), golden_case["start"].get<std::int32_t>());
  example.ids.push_back(end);
  example.weights.assign(example.ids.size(), 1.0f);
  return example;
}

Example labelled(const Json& text, std::int32_t label) {
  Example example;
  example.ids = text.get<Ids>();
  example.types.assign(example.ids.size(), 0);
  example.labels = {label};
  example.weights = {1};
  return example;
}

Example label_set(const Json& text, const Json& labels, std::size_t classes) {
  Example example = labelled(text, 0);
  example.labels.clear();
  example.targets.assign(classes, 0);
  for (const auto label : labels.get<std::vector<std::size_t>>()) example.targets[label] = 1;
  return example;
}

// Tokens whose tag is -100 in transformers have none.
Example tagged(const Json& text, const Json& tags) {
  Example example = labelled(text, 0);
  example.labels = tags.get<Ids>();
  example.weights.clear();
  for (std::int32_t& tag : example.labels) {
    example.weights.push_back(tag < 0 ? 0.0f : 1.0f);
    tag = std::max(tag, -1);
  }
  return example;
}

Bench bench_of(const std::string& name, const Json& golden_case) {
  Bench bench;
  const Path folder = golden_folder() / "model" / golden_case["model"].get<std::string>();
  const bool is_seq2seq = golden_case.contains("start");
  if (is_seq2seq) {
    bench.seq2seq = load_seq2seq(folder).model;
    bench.objective =
        "seq2seq:label_smoothing=" + std::to_string(golden_case["smoothing"].get<double>());
  } else {
    std::vector<std::string> warnings;
    bench.classifier = std::make_unique<EncoderModel>(read_encoder_model(folder, warnings));
    bench.objective = name.ends_with("-tags") ? "tag" : "classify";
    if (name.ends_with("-multi-label")) {
      bench.classifier->head().config.problem_type = "multi_label_classification";
    }
  }
  for (std::size_t i = 0; i < golden()["sources"].size(); ++i) {
    const Json& source = golden()["sources"][i];
    if (is_seq2seq) {
      bench.examples.push_back(answered(source, golden()["answers"][i], golden_case));
    } else if (name.ends_with("-tags")) {
      bench.examples.push_back(tagged(source, golden()["tags"][i]));
    } else if (name.ends_with("-multi-label")) {
      bench.examples.push_back(
          label_set(source, golden()["label_sets"][i], bench.classifier->labels().size()));
    } else {
      bench.examples.push_back(labelled(source, golden()["labels"][i].get<std::int32_t>()));
    }
  }
  return bench;
}

class EncoderObjectives : public testing::TestWithParam<std::string> {
 protected:
  EncoderObjectives() { set_matmul_precision(MatmulPrecision::f32); }
  ~EncoderObjectives() override { set_matmul_precision(MatmulPrecision::automatic); }
  const Json& golden_ = golden()["cases"][GetParam()];
  Bench bench_ = bench_of(GetParam(), golden_);
};

// f32 sums over a few dozen terms in another order than torch's: their rounding, with room.
constexpr double kTolerance = 1e-4;

TEST_P(EncoderObjectives, LossAndGradientsEqualTheReference) {
  bench_.parameters().make_trainable();
  std::vector<const Example*> rows;
  for (const Example& example : bench_.examples) rows.push_back(&example);
  for (const std::int64_t together : {1, 1000}) {  // tokens: each row alone, and both at once
    const StepGradients step = compute_gradients(
        make_objective(bench_.objective), split_by_tokens(rows, together), bench_.model(), {});
    const double loss = golden_["loss"].get<double>();
    EXPECT_NEAR(step.loss(), loss, kTolerance * loss);
    double largest = 0;
    for (const auto& [name, digest] : golden_["gradients"].items()) {
      largest = std::max(largest, digest[0].get<double>());
    }
    std::size_t compared = 0;
    for (const auto& [name, weight] : bench_.weights()) {
      if (!golden_["gradients"].contains(name)) continue;
      const Tensor gradient = step.gradients.of(weight);
      if (!gradient.defined()) continue;  // of several linears that are one in the file
      ++compared;
      double squares = 0, probed = 0;
      const std::vector<double> values = gradient.values();
      for (std::size_t i = 0; i < values.size(); ++i) {
        squares += values[i] * values[i];
        probed += values[i] * std::cos(0.37 * static_cast<double>(i) + 1);
      }
      const Json& digest = golden_["gradients"][name];
      EXPECT_NEAR(std::sqrt(squares), digest[0].get<double>(), kTolerance * largest) << name;
      EXPECT_NEAR(probed, digest[1].get<double>(), kTolerance * largest) << name;
    }
    EXPECT_GT(compared, golden_["gradients"].size() / 2);
  }
}

TEST_P(EncoderObjectives, StepsOfTheTrainerEqualTheReference) {
  const TemporaryFolder folder;
  TrainOptions options;
  options.objective = bench_.objective;
  options.learning_rate = golden()["rate"].get<double>();
  options.schedule = "constant";
  options.clip_norm = 0;
  options.length.steps = std::ssize(golden_["losses"]);
  Trainer(bench_.model(), bench_.parameters(), {bench_.examples, {}}, options, {}, folder.path())
      .run();
  std::size_t step = 0;
  for (const LossLogEntry& entry : read_loss_log(folder.path())) {
    const double loss = golden_["losses"][step++].get<double>();
    EXPECT_NEAR(entry.loss, loss, kTolerance * loss) << "step " << step;
  }
  EXPECT_EQ(step, golden_["losses"].size());
}

TEST_P(EncoderObjectives, AnotherKindOfModelIsRefusedByName) {
  const auto decoder = tiny_model();
  const std::vector<Example> examples =
      bench_.classifier ? bench_.examples : random_examples(4, 5, 9);
  EXPECT_THAT(
      [&] {
        TrainOptions options;
        options.objective = bench_.objective;
        options.length.steps = 1;
        Trainer(*decoder, ParameterSet::select(decoder->parameters(), "all", 2), {examples, {}},
                options)
            .run();
      },
      testing::ThrowsMessage<Error>(
          testing::HasSubstr(bench_.classifier ? bench_.objective : "seq2seq")));
}

TEST(TagObjective, RefusesAHeadForTextsAndExamplesWithoutATagAToken) {
  Bench bench = bench_of("bert", golden()["cases"]["bert"]);
  const MicroBatch batch{{&bench.examples[0]}};
  const Objective objective = make_objective("tag");
  EXPECT_THAT([&] { objective.loss(batch, bench.model(), {}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("BertForSequenceClassification")));
  EXPECT_THROW(objective.target_weight(bench.examples[0]), Error);
}

INSTANTIATE_TEST_SUITE_P(Cases, EncoderObjectives,
                         testing::Values("t5", "t5-smoothed", "bart", "bart-smoothed", "bert",
                                         "modernbert", "bert-multi-label", "bert-tags",
                                         "modernbert-tags"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace bantam
