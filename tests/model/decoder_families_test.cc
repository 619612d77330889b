// Every decoder family against transformers on tiny random models: logits, greedy text with a store
// of keys and values, loss, and the gradient of every parameter; and files written and read again.
// Golden files: tests/golden/model/decoders, made by tools/golden/tiny_decoders.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/model/architecture.h"
#include "bantam/model/causal_lm.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/load_model.h"
#include "bantam/model/safetensors.h"
#include "bantam/model/save_model.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"
#include "tests/base/temporary_folder.h"
#include "tests/model/golden_model.h"

namespace bantam {
namespace {

Path folder_of_cases() { return golden_folder("BANTAM_GOLDEN_DECODERS", "decoders"); }

class DecoderFamilies : public testing::TestWithParam<std::string> {
 protected:
  DecoderFamilies()
      : folder_(folder_of_cases() / GetParam()),
        file_(HfConfig::read(folder_ / "config.json")),
        family_(architecture_of_hf(file_.require_string("model_type"))),
        config_(family_.config_from_hf(file_)),
        golden_(SafetensorsFile::open(folder_ / "golden.safetensors")),
        model_(read_model<CausalLM>(*SafetensorsFile::open(folder_ / "model.safetensors"),
                                    WeightNaming::hf, family_, config_)) {
    sequences_ = golden_sequences(*golden_, "tokens");
  }

  Tensor logits(const CausalLM& model) const {
    return model.logits(model.hidden(make_batch(sequences_)));
  }

  void expect_golden_logits(const Tensor& found) const {
    expect_golden(found, golden_->tensor("logits"));
  }

  Path folder_;
  HfConfig file_;
  const Architecture& family_;
  DecoderConfig config_;
  std::shared_ptr<const SafetensorsFile> golden_;
  CausalLM model_;
  std::vector<std::vector<std::int32_t>> sequences_;
};

TEST_P(DecoderFamilies, LogitsEqualTheReference) { expect_golden_logits(logits(model_)); }

std::int32_t most_likely(const Tensor& logits, std::int64_t row) {
  const auto values = logits.span<float>().subspan(static_cast<std::size_t>(row * logits.size(1)),
                                                   static_cast<std::size_t>(logits.size(1)));
  return static_cast<std::int32_t>(std::ranges::max_element(values) - values.begin());
}

// What a model writes with its keys and values in a store, a prompt first read in two pieces.
std::vector<std::int32_t> greedy_with_a_store(const CausalLM& model,
                                              std::vector<std::int32_t> tokens, std::size_t count) {
  KvStore store(model.kv_shape(), 64);
  const KvStore::Sequence sequence = store.new_sequence();
  const std::size_t prompt = tokens.size();
  std::size_t stored = 0, end = prompt / 2;
  while (tokens.size() < prompt + count) {
    const std::span<const std::int32_t> next = std::span(tokens).subspan(stored, end - stored);
    const KvStore::Append append{sequence, std::ssize(next), std::ssize(tokens)};
    const KvStore::Step step = store.extend({&append, 1});
    const Tensor all =
        model.logits(model.hidden({{next.begin(), next.end()}, step.plan, step.rows}, &store));
    stored = end;
    if (stored == tokens.size()) {
      tokens.push_back(most_likely(all, all.size(0) - 1));
      if (!model.config().keys_stay(std::ssize(tokens) - 1, std::ssize(tokens))) {
        store.truncate(sequence, 0);
        stored = 0;
      }
    }
    end = tokens.size();
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt), tokens.end()};
}

TEST_P(DecoderFamilies, GreedyTextEqualsTheReferenceWithAndWithoutAStore) {
  const Tensor golden = golden_->tensor("greedy");
  const std::vector<std::int32_t> expected(golden.span<std::int32_t>().begin(),
                                           golden.span<std::int32_t>().end());
  std::vector<std::vector<std::int32_t>> text = {sequences_[0]};
  std::vector<std::int32_t> recomputed;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Tensor all = model_.logits(model_.hidden(make_batch(text)));
    recomputed.push_back(most_likely(all, all.size(0) - 1));
    text[0].push_back(recomputed.back());
  }
  EXPECT_EQ(recomputed, expected);

  // Where rotations depend on the length of the text, kept keys may be those of a shorter one.
  if (!config_.ropes.empty() && config_.ropes[0].switch_length > 0) {
    const Tensor kept = golden_->tensor("greedy_kept");
    EXPECT_EQ(greedy_with_a_store(model_, sequences_[3], static_cast<std::size_t>(kept.count())),
              std::vector<std::int32_t>(kept.span<std::int32_t>().begin(),
                                        kept.span<std::int32_t>().end()));
  } else {
    EXPECT_EQ(greedy_with_a_store(model_, sequences_[0], expected.size()), expected);
  }
}

Tensor mean_loss(const CausalLM& model, const std::vector<std::vector<std::int32_t>>& sequences) {
  std::vector<std::int32_t> targets;
  std::vector<float> weights;
  double count = 0;
  for (const auto& sequence : sequences) {
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      const bool has_next = i + 1 < sequence.size();
      targets.push_back(has_next ? sequence[i + 1] : 0);
      weights.push_back(has_next ? 1.0f : 0.0f);
      count += has_next ? 1 : 0;
    }
  }
  const auto tokens = static_cast<std::int64_t>(targets.size());
  const Tensor sum = linear_cross_entropy(
      model.hidden(make_batch(sequences)), model.head_weight(), Tensor::from(targets, {tokens}),
      Tensor::from(weights, {tokens}), nullptr, model.logit_form());
  return scale(sum, 1.0 / count);
}

TEST_P(DecoderFamilies, LossAndEveryGradientEqualTheReference) {
  CausalLM expected =
      read_model<CausalLM>(Prefixed(golden_, "grad."), WeightNaming::hf, family_, config_);
  for (const bool recompute : {false, true}) {
    model_.set_gradient_checkpointing(recompute);
    ParameterSet all = ParameterSet::select(model_.parameters(), "all", config_.layers);
    all.make_trainable();
    Tape tape;
    Tensor loss;
    {
      const Tape::Recording recording(tape);
      loss = mean_loss(model_, sequences_);
    }
    EXPECT_NEAR(loss.item(), golden_->tensor("loss").item(), 1e-5);
    GradientStore gradients;
    tape.backward(loss, gradients);
    const std::vector<Parameter> references = expected.parameters();
    ASSERT_EQ(references.size(), all.parameters().size());
    for (std::size_t i = 0; i < references.size(); ++i) {
      const Parameter& parameter = all.parameters()[i];
      ASSERT_EQ(parameter.name, references[i].name);
      Tensor reference = *references[i].tensor;
      // Golden gradients were read as weights, so those of norms were moved as norms are.
      if (family_.hf_norms_from_one && parameter.role == ParameterRole::norm) {
        reference = add_scalar(reference, -1);
      }
      Tensor gradient = gradients.of(*parameter.tensor);
      if (!gradient.defined()) gradient = Tensor::zeros(parameter.tensor->shape());
      expect_close(gradient, reference, parameter.name);
    }
  }
}

TEST_P(DecoderFamilies, AnAdapterOfAllLinearsStartsAsNothingAndTrains) {
  const Tensor before = logits(model_);
  auto adapter = model_.make_adapter("test", {.rank = 2, .alpha = 4, .targets = {"all-linear"}}, 1);
  EXPECT_EQ(adapter->deltas.size(), model_.linears().size());
  model_.attach(adapter);
  EXPECT_EQ(logits(model_).values(), before.values());
  ParameterSet trained = ParameterSet::select(model_.parameters(), "adapters", config_.layers);
  trained.make_trainable();
  Tape tape;
  Tensor loss;
  {
    const Tape::Recording recording(tape);
    loss = mean_loss(model_, sequences_);
  }
  GradientStore gradients;
  tape.backward(loss, gradients);
  // B starts at zero, so A has no gradient yet and B has one, unless no token went to its expert.
  int moved = 0;
  for (const Parameter& parameter : trained.parameters()) {
    const Tensor gradient = gradients.of(*parameter.tensor);
    if (parameter.name.ends_with("lora_b") && gradient.defined() && l2_norm(gradient) > 0) ++moved;
  }
  EXPECT_GT(moved, static_cast<int>(adapter->deltas.size()) * 2 / 3);
}

TEST_P(DecoderFamilies, AnAdapterWrittenForPeftAndReadAgainGivesTheSameLogits) {
  LoadedModel loaded;
  loaded.model = std::make_shared<CausalLM>(model_);
  loaded.name = GetParam();
  auto adapter = loaded.model->make_adapter("test", {.rank = 2, .alpha = 5}, 1);
  for (auto& [site, delta] : adapter->deltas) {
    for (std::int64_t i = 0; i < delta.b.count(); ++i) {
      delta.b.data<float>()[i] = 0.02f * static_cast<float>(i % 7 - 3);
    }
  }
  const TemporaryFolder out;
  const char* keep = std::getenv("BANTAM_KEEP_ADAPTERS");  // for the check with PEFT itself
  const Path folder = keep != nullptr ? Path(keep) / GetParam() : out.path() / "adapter";
  save_peft_adapter(loaded, *adapter, folder);
  const auto again = load_peft_adapter(model_, folder);
  EXPECT_EQ(again->deltas.size(), adapter->deltas.size());
  loaded.model->attach(adapter);
  model_.attach(again);
  const std::vector<double> x = logits(model_).values(), y = logits(*loaded.model).values();
  // Zeros that a joined pair holds are added between the others, so sums round differently.
  EXPECT_THAT(x, testing::Pointwise(testing::DoubleNear(1e-4), y));
}

TEST_P(DecoderFamilies, EverySiteThatTheModelHasCanBeTapped) {
  Taps taps;
  const Tensor plain = model_.hidden(make_batch(sequences_));
  EXPECT_EQ(model_.hidden(make_batch(sequences_), nullptr, &taps).values(), plain.values());
  for (const LinearLayer* linear : model_.linears()) {
    const bool is_expert = linear->site.find(".experts.") != std::string::npos;  // may get no token
    if (is_expert) continue;
    EXPECT_THAT(taps.passed(), testing::Contains(linear->site + ".out"));
  }
}

TEST_P(DecoderFamilies, AFolderWrittenAndReadAgainGivesTheSameLogits) {
  const TemporaryFolder out;
  std::vector<std::pair<std::string, Tensor>> tensors;
  visit_decoder_weights(model_, WeightNaming::hf,
                        [&](const std::string& name, const Tensor& weight) {
                          tensors.emplace_back(name, weight.stop_gradient());
                        });
  const auto original = SafetensorsFile::open(folder_ / "model.safetensors");
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(original->has(name)) << name;
    EXPECT_EQ(tensor.shape(), original->tensor(name).shape()) << name;
  }
  write_safetensors_folder(out.path(), tensors);
  const HfConfig written(hf_config_of(model_), "written config");
  for (const auto& [key, value] : written.json().items()) {
    if (file_.has(key)) {
      EXPECT_EQ(value, file_.json()[key]) << key;
    }
  }
  const CausalLM again = read_model<CausalLM>(
      *open_weights(out.path()), WeightNaming::hf,
      architecture_of_hf(written.require_string("model_type")), family_.config_from_hf(written));
  EXPECT_EQ(logits(again).values(), logits(model_).values());
}

TEST_P(DecoderFamilies, AGgufFileWrittenAndReadAgainGivesTheSameLogits) {
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
  const CausalLM again =
      read_model<CausalLM>(*file, WeightNaming::gguf, family, family.config_from_gguf(*file));
  expect_golden_logits(logits(again));
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderFamilies,
                         testing::ValuesIn(golden_cases(folder_of_cases())), [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace bantam
