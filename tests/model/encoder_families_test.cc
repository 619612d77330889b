// Every encoder family against transformers on tiny random models: states of all tokens, and the
// gradient of every parameter; and files written and read again. Golden files:
// tests/golden/model/encoders, made by tools/golden/tiny_encoders.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/text_encoder.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"
#include "tests/base/temporary_folder.h"
#include "tests/model/golden_model.h"

namespace bantam {
namespace {

Path folder_of_cases() { return golden_folder("BANTAM_GOLDEN_ENCODERS", "encoders"); }

class EncoderFamilies : public testing::TestWithParam<std::string> {
 protected:
  EncoderFamilies()
      : folder_(folder_of_cases() / GetParam()),
        file_(HfConfig::read(folder_ / "config.json")),
        family_(architecture_of_hf(file_.require_string("model_type"))),
        config_(family_.config_from_hf(file_)),
        golden_(SafetensorsFile::open(folder_ / "golden.safetensors")),
        model_(read_model<TextEncoder>(*SafetensorsFile::open(folder_ / "model.safetensors"),
                                       WeightNaming::hf, family_, config_)),
        batch_(make_encoder_batch(golden_sequences(*golden_, "tokens"),
                                  golden_sequences(*golden_, "types"))) {}

  void expect_golden_states(const TextEncoder& model) const {
    expect_golden(model.hidden(batch_), golden_->tensor("states"));
  }

  Path folder_;
  HfConfig file_;
  const Architecture& family_;
  DecoderConfig config_;
  std::shared_ptr<const SafetensorsFile> golden_;
  TextEncoder model_;
  Batch batch_;
};

TEST_P(EncoderFamilies, StatesEqualTheReference) {
  EXPECT_TRUE(family_.is_encoder);
  expect_golden_states(model_);
}

TEST_P(EncoderFamilies, ATextHasTheStatesThatItHasAlone) {
  const auto texts = golden_sequences(*golden_, "tokens"),
             types = golden_sequences(*golden_, "types");
  const std::vector<double> together = model_.hidden(batch_).values();
  std::vector<double> alone;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Tensor states = model_.hidden(make_encoder_batch({&texts[i], 1}, {&types[i], 1}));
    for (const double value : states.values()) alone.push_back(value);
  }
  EXPECT_THAT(alone, testing::Pointwise(testing::DoubleNear(1e-5), together));
}

TEST_P(EncoderFamilies, LossAndEveryGradientEqualTheReference) {
  auto expected =
      read_model<TextEncoder>(Prefixed(golden_, "grad."), WeightNaming::hf, family_, config_);
  ParameterSet all = ParameterSet::select(model_.parameters(), "all", config_.layers);
  all.make_trainable();
  Tape tape;
  Tensor loss;
  {
    const Tape::Recording recording(tape);
    loss = mean(multiply(model_.hidden(batch_), golden_->tensor("probe")));
  }
  EXPECT_NEAR(loss.item(), golden_->tensor("loss").item(), 1e-5);
  GradientStore gradients;
  tape.backward(loss, gradients);
  const std::vector<Parameter> references = expected.parameters();
  ASSERT_EQ(references.size(), all.parameters().size());
  for (std::size_t i = 0; i < references.size(); ++i) {
    const Parameter& parameter = all.parameters()[i];
    ASSERT_EQ(parameter.name, references[i].name);
    Tensor gradient = gradients.of(*parameter.tensor);
    if (!gradient.defined()) gradient = Tensor::zeros(parameter.tensor->shape());
    expect_close(gradient, *references[i].tensor, parameter.name);
  }
}

TEST_P(EncoderFamilies, AnAdapterOfAllLinearsStartsAsNothing) {
  const std::vector<double> before = model_.hidden(batch_).values();
  auto adapter = model_.make_adapter("test", {.rank = 2, .targets = {"all-linear"}}, 1);
  EXPECT_EQ(adapter->deltas.size(), model_.linears().size());
  model_.attach(adapter);
  EXPECT_EQ(model_.hidden(batch_).values(), before);
}

TEST_P(EncoderFamilies, AFolderWrittenAndReadAgainGivesTheSameStates) {
  const TemporaryFolder out;
  std::vector<std::pair<std::string, Tensor>> tensors;
  visit_decoder_weights(model_, WeightNaming::hf,
                        [&](const std::string& name, const Tensor& weight) {
                          tensors.emplace_back(name, weight.stop_gradient());
                        });
  write_safetensors_folder(out.path(), tensors);
  const HfConfig written(family_.config_to_hf(config_), "written config");
  const auto again = read_model<TextEncoder>(
      *open_weights(out.path()), WeightNaming::hf,
      architecture_of_hf(written.require_string("model_type")), family_.config_from_hf(written));
  EXPECT_EQ(again.hidden(batch_).values(), model_.hidden(batch_).values());
}

TEST_P(EncoderFamilies, AGgufFileWrittenAndReadAgainGivesTheSameStates) {
  if (family_.gguf_name.empty()) GTEST_SKIP() << family_.name << " has no GGUF form";
  const TemporaryFolder out;
  GgufWriter writer;
  writer.set("general.architecture", std::string(family_.gguf_name));
  try {
    family_.config_to_gguf(config_, writer);
  } catch (const Error& error) {
    ASSERT_THAT(error.what(), testing::HasSubstr("export a Hugging Face folder instead"));
    GTEST_SKIP() << "refused, as it should be: " << error.what();
  }
  visit_decoder_weights(model_, WeightNaming::gguf,
                        [&](const std::string& name, const Tensor& weight) {
                          writer.add(name, dequantize(weight.stop_gradient()));
                        });
  writer.write(out.path() / "model.gguf");
  const auto file = GgufFile::open(out.path() / "model.gguf");
  const Architecture& family = architecture_of_gguf(*file);
  EXPECT_EQ(family.name, family_.name);
  if (config_.learned_positions > 0) {  // llama.cpp wants a row for each token that fits
    EXPECT_EQ(file->tensor("position_embd.weight").size(0), config_.context);
    EXPECT_EQ(file->require_integer("bert.context_length"), config_.context);
  }
  const DecoderConfig config = family.config_from_gguf(*file);
  EXPECT_EQ(family.config_to_hf(config), family_.config_to_hf(config_));
  expect_golden_states(read_model<TextEncoder>(*file, WeightNaming::gguf, family, config));
}

TEST(BertOfGguf, IsOfTheFamilyThatTheFileOrElseItsVocabularyNames) {
  const TemporaryFolder out;
  const auto family_of = [&](const std::string& vocabulary, const std::string& stated = "") {
    GgufWriter writer;
    writer.set("general.architecture", std::string("bert"));
    writer.set("tokenizer.ggml.model", vocabulary);
    if (!stated.empty()) writer.set("bantam.model_type", stated);
    writer.write(out.path() / "model.gguf");
    return architecture_of_gguf(*GgufFile::open(out.path() / "model.gguf")).name;
  };
  EXPECT_EQ(family_of("bert"), "bert");
  EXPECT_EQ(family_of("gpt2"), "roberta");
  EXPECT_EQ(family_of("t5"), "xlm-roberta");
  EXPECT_EQ(family_of("t5", "bert"), "bert");
  EXPECT_EQ(family_of("bert", "electra"), "electra");
  EXPECT_EQ(family_of("gpt2", "xlm-roberta"), "xlm-roberta");
}

INSTANTIATE_TEST_SUITE_P(Models, EncoderFamilies,
                         testing::ValuesIn(golden_cases(folder_of_cases())), [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Pooling, MakesOneVectorOfEachText) {
  const Tensor states = Tensor::from(std::vector<float>{1, 8, 3, 0, 0, 5}, {3, 2});
  const std::vector<std::int64_t> lengths = {2, 1};
  const auto of = [&](Pooling pooling, bool normalize) {
    return TextEncoder::pooled(states, lengths, pooling, normalize).values();
  };
  EXPECT_THAT(of(Pooling::mean, false), testing::ElementsAre(2, 4, 0, 5));
  EXPECT_THAT(of(Pooling::first, false), testing::ElementsAre(1, 8, 0, 5));
  EXPECT_THAT(of(Pooling::last, false), testing::ElementsAre(3, 0, 0, 5));
  EXPECT_THAT(of(Pooling::max, false), testing::ElementsAre(3, 8, 0, 5));
  EXPECT_THAT(of(Pooling::last, true), testing::ElementsAre(1, 0, 0, 1));
}

TEST(Pooling, RefusesATextOfNoTokens) {
  const std::vector<std::int64_t> lengths = {1, 0};
  EXPECT_THROW(TextEncoder::pooled(Tensor::zeros({1, 2}), lengths, Pooling::mean, false), Error);
}

TEST(TextEncoderBatch, RefusesTypesThatDoNotFitTheTokens) {
  const std::vector<std::vector<std::int32_t>> texts = {{1, 2, 3}}, types = {{0, 1}};
  EXPECT_THROW(make_encoder_batch(texts, types), Error);
}

}  // namespace
}  // namespace bantam
