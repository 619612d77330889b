// Every encoder-decoder family against transformers on tiny random models: states, logits, loss and
// the gradient of every parameter; and files written and read again. What they answer is tested
// with the room that answers (tests/generate/seq2seq_answer_test.cc). Golden files:
// tests/golden/model/seq2seq, made by tools/golden/tiny_seq2seq.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/model/gguf.h"
#include "bantam/model/save_model.h"
#include "bantam/model/seq2seq.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"
#include "tests/base/temporary_folder.h"
#include "tests/model/golden_model.h"

namespace bantam {
namespace {

Path folder_of_cases() { return golden_folder("BANTAM_GOLDEN_SEQ2SEQ", "seq2seq"); }

class Seq2SeqFamilies : public testing::TestWithParam<std::string> {
 protected:
  Seq2SeqFamilies()
      : folder_(folder_of_cases() / GetParam()),
        loaded_(load_seq2seq(folder_)),
        model_(*loaded_.model),
        golden_(SafetensorsFile::open(folder_ / "golden.safetensors")),
        texts_(golden_sequences(*golden_, "tokens")),
        answers_(golden_sequences(*golden_, "answers", "answer_lengths")) {}

  Tensor hidden(const Seq2SeqModel& model, Taps* taps = nullptr) const {
    return model.hidden(make_seq2seq_batch(model.encode(texts_, taps), answers_), nullptr, taps);
  }
  Tensor logits(const Seq2SeqModel& model) const { return model.logits(hidden(model)); }
  Tensor loss(const Seq2SeqModel& model) const {
    const Tensor targets = golden_->tensor("targets");
    const std::vector<float> ones(static_cast<std::size_t>(targets.count()), 1.0f);
    const Tensor sum = cross_entropy(logits(model), targets, Tensor::from(ones, {targets.count()}));
    return scale(sum, 1.0 / static_cast<double>(targets.count()));
  }
  const Architecture& family() const { return model_.architecture(); }
  const DecoderConfig& config() const { return model_.config(); }
  int all_layers() const { return config().layers + config().encoder->layers; }

  Path folder_;
  LoadedSeq2Seq loaded_;
  Seq2SeqModel& model_;
  std::shared_ptr<const SafetensorsFile> golden_;
  std::vector<std::vector<std::int32_t>> texts_, answers_;
};

TEST_P(Seq2SeqFamilies, StatesAndLogitsEqualTheReference) {
  EXPECT_THAT(loaded_.warnings, testing::IsEmpty());
  expect_golden(model_.encode(texts_)->states, golden_->tensor("states"));
  expect_golden(logits(model_), golden_->tensor("logits"));
}

TEST_P(Seq2SeqFamilies, DistancesHaveTheBucketsOfTheReference) {
  if (config().relative.buckets == 0) GTEST_SKIP() << family().name << " has no such biases";
  std::vector<double> found;
  for (const bool bidirectional : {true, false}) {
    const RelativeBias bias = config().relative.bias(bidirectional, {});
    for (std::int32_t distance = -200; distance <= 200; ++distance) {
      found.push_back(bias.bucket(distance));
    }
  }
  EXPECT_EQ(found, golden_->tensor("buckets").values());
}

TEST_P(Seq2SeqFamilies, KeptKeysAndValuesGiveTheSameLogits) {
  const Tensor expected = logits(model_);
  std::int64_t row = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const auto source = model_.encode_for_answers({&texts_[i], 1});
    KvStore store(model_.kv_shape(), 64);
    const KvStore::Sequence sequence = store.new_sequence();
    for (const std::int32_t token : answers_[i]) {
      const KvStore::Append append{sequence, 1};
      const KvStore::Step step = store.extend({&append, 1});
      Batch batch{{token}, step.plan, step.rows};
      batch.source = source;
      const auto rows = static_cast<std::int32_t>(texts_[i].size());
      batch.source_rows.push({{0, rows}});
      batch.source_rows.key_rows = rows;
      expect_golden(model_.logits(model_.hidden(batch, &store)),
                    slice(expected, 0, row, row + 1).clone());
      ++row;
    }
  }
}

TEST_P(Seq2SeqFamilies, LossAndEveryGradientEqualTheReference) {
  Seq2SeqModel expected =
      read_model<Seq2SeqModel>(Prefixed(golden_, "grad."), WeightNaming::hf, family(), config());
  for (const bool recompute : {false, true}) {
    model_.set_gradient_checkpointing(recompute);
    ParameterSet all = ParameterSet::select(model_.parameters(), "all", all_layers());
    all.make_trainable();
    Tape tape;
    Tensor total;
    {
      const Tape::Recording recording(tape);
      total = loss(model_);
    }
    EXPECT_NEAR(total.item(), golden_->tensor("loss").item(), 1e-5);
    GradientStore gradients;
    tape.backward(total, gradients);
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
}

TEST_P(Seq2SeqFamilies, AnAdapterOfAllLinearsStartsAsNothingAndTrains) {
  const std::vector<double> before = logits(model_).values();
  auto adapter = model_.make_adapter("test", {.rank = 2, .alpha = 4, .targets = {"all-linear"}}, 1);
  EXPECT_EQ(adapter->deltas.size(), model_.linears().size());
  model_.attach(adapter);
  EXPECT_EQ(logits(model_).values(), before);
  ParameterSet trained = ParameterSet::select(model_.parameters(), "adapters", all_layers());
  trained.make_trainable();
  Tape tape;
  Tensor total;
  {
    const Tape::Recording recording(tape);
    total = loss(model_);
  }
  GradientStore gradients;
  tape.backward(total, gradients);
  for (const Parameter& parameter : trained.parameters()) {
    if (!parameter.name.ends_with("lora_b")) continue;  // B starts at zero, so A has no gradient
    const Tensor gradient = gradients.of(*parameter.tensor);
    ASSERT_TRUE(gradient.defined()) << parameter.name;
    EXPECT_GT(l2_norm(gradient), 0) << parameter.name;
  }
}

TEST_P(Seq2SeqFamilies, AnAdapterWrittenForPeftAndReadAgainGivesTheSameLogits) {
  LoadedModel loaded;
  loaded.model = std::make_shared<Seq2SeqModel>(model_);
  loaded.name = GetParam();
  auto adapter = model_.make_adapter("test", {.rank = 2, .alpha = 5, .targets = {"all-linear"}}, 1);
  for (auto& [site, delta] : adapter->deltas) {
    for (std::int64_t i = 0; i < delta.b.count(); ++i) {
      delta.b.data<float>()[i] = 0.02f * static_cast<float>(i % 7 - 3);
    }
  }
  const TemporaryFolder out;
  save_peft_adapter(loaded, *adapter, out.path() / "adapter");
  const auto again = load_peft_adapter(model_, out.path() / "adapter");
  Seq2SeqModel other = model_;
  other.attach(again);
  model_.attach(adapter);
  EXPECT_EQ(logits(other).values(), logits(model_).values());
}

TEST_P(Seq2SeqFamilies, EverySiteThatTheModelHasCanBeTapped) {
  Taps taps;
  EXPECT_EQ(hidden(model_, &taps).values(), hidden(model_).values());
  EXPECT_THAT(taps.passed(), testing::Contains("encoder.embed.out"));
  for (const LinearLayer* linear : model_.linears()) {
    EXPECT_THAT(taps.passed(), testing::Contains(linear->site + ".out"));
  }
}

TEST_P(Seq2SeqFamilies, AFolderWrittenAndReadAgainGivesTheSameLogits) {
  const TemporaryFolder out;
  save_seq2seq(loaded_, out.path(), DType::f32);
  const auto original = SafetensorsFile::open(folder_ / "model.safetensors");
  const auto written = SafetensorsFile::open(out.path() / "model.safetensors");
  for (const WeightInfo& info : written->weights()) {
    ASSERT_TRUE(original->has(info.name)) << info.name;
    EXPECT_EQ(info.shape, original->tensor(info.name).shape()) << info.name;
  }
  const LoadedSeq2Seq again = load_seq2seq(out.path());
  EXPECT_EQ(&again.model->architecture(), &family());
  EXPECT_EQ(again.tokens.to_json(), loaded_.tokens.to_json());
  EXPECT_EQ(logits(*again.model).values(), logits(model_).values());
}

TEST_P(Seq2SeqFamilies, AGgufFileWrittenAndReadAgainGivesTheSameLogits) {
  if (family().gguf_name.empty()) GTEST_SKIP() << family().name << " has no GGUF form";
  const TemporaryFolder out;
  GgufWriter writer;
  writer.set("general.architecture", std::string(family().gguf_name));
  try {
    family().config_to_gguf(config(), writer);
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
  const Architecture& read_as = architecture_of_gguf(*file);
  expect_golden(logits(read_model<Seq2SeqModel>(*file, WeightNaming::gguf, read_as,
                                                read_as.config_from_gguf(*file))),
                golden_->tensor("logits"));
}

TEST_P(Seq2SeqFamilies, ABatchWithoutTextsIsRefused) {
  EXPECT_THROW(model_.hidden(make_batch(answers_)), Error);
  EXPECT_THROW(make_seq2seq_batch(model_.encode(texts_), {answers_.data(), 1}), Error);
}

INSTANTIATE_TEST_SUITE_P(Models, Seq2SeqFamilies,
                         testing::ValuesIn(golden_cases(folder_of_cases())), [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace bantam
