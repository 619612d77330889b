// Every head of every encoder family against transformers on tiny random models: logits, and the
// gradient of every parameter; and folders written and read again. Golden files:
// tests/golden/model/encoder_heads, made by tools/golden/tiny_encoder_heads.py.
#include "bantam/model/encoder_heads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/model/hf_config.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "tests/base/temporary_folder.h"
#include "tests/model/golden_model.h"

namespace bantam {
namespace {

Path folder_of_cases() { return golden_folder("BANTAM_GOLDEN_HEADS", "encoder_heads"); }

EncoderModel read_quietly(const Path& folder) {
  std::vector<std::string> warnings;
  EncoderModel model = read_encoder_model(folder, warnings);
  EXPECT_THAT(warnings, testing::IsEmpty());
  return model;
}

class EncoderHeads : public testing::TestWithParam<std::string> {
 protected:
  EncoderHeads()
      : folder_(folder_of_cases() / GetParam()),
        golden_(SafetensorsFile::open(folder_ / "golden.safetensors")),
        model_(read_quietly(folder_)),
        batch_(make_encoder_batch(golden_sequences(*golden_, "tokens"),
                                  golden_sequences(*golden_, "types"))) {
    set_matmul_precision(MatmulPrecision::f32);
  }
  ~EncoderHeads() override { set_matmul_precision(MatmulPrecision::automatic); }

  Path folder_;
  std::shared_ptr<const SafetensorsFile> golden_;
  EncoderModel model_;
  Batch batch_;
};

TEST_P(EncoderHeads, LogitsEqualTheReference) {
  const Tensor logits = model_.logits(batch_), expected = golden_->tensor("logits");
  EXPECT_EQ(logits.shape(), expected.shape());
  EXPECT_EQ(logits.size(1), std::ssize(model_.labels()));
  expect_golden(logits, expected);
}

TEST_P(EncoderHeads, LossAndEveryGradientEqualTheReference) {
  const Prefixed gradients_of(golden_, "grad.");
  const TextEncoder& encoder = model_.encoder();
  auto expected = read_model<TextEncoder>(gradients_of, WeightNaming::hf, encoder.architecture(),
                                          encoder.config());
  EncoderHead expected_head = read_encoder_head(gradients_of, *model_.head().form,
                                                model_.head().config, encoder.config().width);
  std::vector<Parameter> references = expected.parameters();
  for (Parameter& parameter : expected_head.parameters()) references.push_back(parameter);

  ParameterSet all = ParameterSet::select(model_.parameters(), "all", encoder.config().layers);
  all.make_trainable();
  Tape tape;
  Tensor loss;
  {
    const Tape::Recording recording(tape);
    loss = mean(multiply(model_.logits(batch_), golden_->tensor("probe")));
  }
  EXPECT_NEAR(loss.item(), golden_->tensor("loss").item(), 1e-5);
  GradientStore gradients;
  tape.backward(loss, gradients);
  ASSERT_EQ(references.size(), all.parameters().size());
  for (std::size_t i = 0; i < references.size(); ++i) {
    const Parameter& parameter = all.parameters()[i];
    ASSERT_EQ(parameter.name, references[i].name);
    Tensor gradient = gradients.of(*parameter.tensor);
    if (!gradient.defined()) gradient = Tensor::zeros(parameter.tensor->shape());
    expect_close(gradient, *references[i].tensor, parameter.name);
  }
}

TEST_P(EncoderHeads, AFolderWrittenAndReadAgainIsTheSameModel) {
  const TemporaryFolder out;
  write_encoder_model(model_, out.path() / "model", DType::f32);
  const EncoderModel again = read_quietly(out.path() / "model");
  EXPECT_EQ(again.logits(batch_).values(), model_.logits(batch_).values());
  EXPECT_EQ(again.labels(), model_.labels());
  const Json written = HfConfig::read(out.path() / "model" / "config.json").json();
  const Json original = HfConfig::read(folder_ / "config.json").json();
  const HeadForm& form = *model_.head().form;
  for (const std::string_view name :
       {std::string_view("architectures"), std::string_view("model_type"),
        std::string_view("id2label"), std::string_view("label2id"),
        std::string_view("problem_type"), form.activation_key, form.pooling_key, form.dense_key,
        form.bias_key}) {
    const std::string key(name);
    if (!original.contains(key) || original[key].is_null()) continue;
    EXPECT_EQ(written.value(key, Json()), original[key]) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EncoderHeads, testing::ValuesIn(golden_cases(folder_of_cases())),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

HeadConfig with_labels(std::vector<std::string> labels) {
  HeadConfig config;
  config.labels = std::move(labels);
  return config;
}

TEST(EncoderHeadsErrors, AnEncoderWithoutAHeadIsRefusedNamingItsClasses) {
  std::vector<std::string> warnings;
  try {
    read_encoder_model(golden_folder("BANTAM_GOLDEN_ENCODERS", "encoders") / "bert", warnings);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("BertModel"),
                                             testing::HasSubstr("BertForTokenClassification")));
  }
}

TEST(EncoderHeadsErrors, LabelsThatDoNotFitTheWeightsAreRefused) {
  const auto source =
      SafetensorsFile::open(folder_of_cases() / "bert-sequence" / "model.safetensors");
  const HeadForm& form = head_form(architecture_of_hf("bert"), HeadKind::sequence);
  EXPECT_THROW(read_encoder_head(*source, form, with_labels({"only one"}), 12), Error);
}

TEST(EncoderHeadsErrors, MissingWeightsAreNamed) {
  const auto source = SafetensorsFile::open(golden_folder("BANTAM_GOLDEN_ENCODERS", "encoders") /
                                            "bert" / "model.safetensors");
  const HeadForm& form = head_form(architecture_of_hf("bert"), HeadKind::token);
  try {
    HeadConfig config = with_labels({"a", "b"});
    config.has_dense = false;
    read_encoder_head(*source, form, config, 24);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("classifier.weight"));
  }
}

TEST(RandomEncoderHead, FitsTheFormAndDependsOnTheSeed) {
  const HeadForm& form = head_form(architecture_of_hf("modernbert"), HeadKind::sequence);
  const HeadConfig config = with_labels({"a", "b", "c"});
  EncoderHead one = random_encoder_head(form, config, 8, 1), other = one;
  other = random_encoder_head(form, config, 8, 2);
  EXPECT_EQ(one.output.weight.shape(), (Shape{3, 8}));
  EXPECT_EQ(one.norm.weight.shape(), (Shape{8}));
  EXPECT_NE(one.dense.weight.values(), other.dense.weight.values());
}

}  // namespace
}  // namespace bantam
