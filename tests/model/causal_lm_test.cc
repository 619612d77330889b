// The decoder against transformers on tiny random models: logits, loss, and the gradient of every
// parameter. Files: tests/golden/model/llama, made by tools/golden/tiny_llama.py.
#include "bantam/model/causal_lm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bantam/model/architecture.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/safetensors.h"
#include "bantam/model/weight_layout.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

struct Golden {
  CausalLM model;
  std::shared_ptr<const SafetensorsFile> file;
  std::vector<std::vector<std::int32_t>> sequences;
};

Golden load_golden(const std::string& name) {
  const Path folder = Path(BANTAM_SOURCE_DIR) / "tests/golden/model/llama" / name;
  const HfConfig config = HfConfig::read(folder / "config.json");
  const Architecture& family = architecture_of_hf(config.require_string("model_type"));
  const DecoderConfig numbers = family.config_from_hf(config);
  std::vector<std::string> warnings;
  const auto source = SafetensorsFile::open(folder / "model.safetensors");
  auto weights = read_decoder_weights(*source, WeightNaming::hf, family, numbers, warnings);
  EXPECT_TRUE(warnings.empty());
  Golden golden{CausalLM(family, numbers, std::move(weights)),
                SafetensorsFile::open(folder / "golden.safetensors"),
                {}};
  const Tensor tokens = golden.file->tensor("tokens");
  std::int64_t begin = 0;
  for (const double length : golden.file->tensor("lengths").values()) {
    const auto ids = tokens.span<std::int32_t>().subspan(begin, static_cast<std::size_t>(length));
    golden.sequences.emplace_back(ids.begin(), ids.end());
    begin += static_cast<std::int64_t>(length);
  }
  return golden;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto x = a.values(), y = b.values();
  EXPECT_EQ(x.size(), y.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

double relative_error(const Tensor& found, const Tensor& expected) {
  const auto x = found.values(), y = expected.values();
  EXPECT_EQ(x.size(), y.size());
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference += (x[i] - y[i]) * (x[i] - y[i]);
    norm += y[i] * y[i];
  }
  return std::sqrt(difference / norm);
}

// Next-token loss over all sequences, from the fused head.
Tensor mean_loss(const Golden& golden, const Tensor& hidden, const CausalLM& model) {
  std::vector<std::int32_t> targets;
  std::vector<float> weights;
  double count = 0;
  for (const auto& sequence : golden.sequences) {
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      const bool has_next = i + 1 < sequence.size();
      targets.push_back(has_next ? sequence[i + 1] : 0);
      weights.push_back(has_next ? 1.0f : 0.0f);
      count += has_next ? 1 : 0;
    }
  }
  const auto tokens = static_cast<std::int64_t>(targets.size());
  const Tensor sum =
      linear_cross_entropy(hidden, model.head_weight(), Tensor::from(targets, {tokens}),
                           Tensor::from(weights, {tokens}));
  return scale(sum, 1.0 / count);
}

class TinyLlama : public testing::TestWithParam<std::string> {};

TEST_P(TinyLlama, LogitsEqualTheReference) {
  const Golden golden = load_golden(GetParam());
  const Tensor logits = golden.model.logits(golden.model.hidden(make_batch(golden.sequences)));
  EXPECT_LE(largest_difference(logits, golden.file->tensor("logits")), 2e-5);
}

TEST_P(TinyLlama, LossAndEveryGradientEqualTheReference) {
  for (const bool recompute : {false, true}) {
    Golden golden = load_golden(GetParam());
    golden.model.set_gradient_checkpointing(recompute);
    ParameterSet all =
        ParameterSet::select(golden.model.parameters(), "all", golden.model.config().layers);
    all.make_trainable();
    Tape tape;
    Tensor loss;
    {
      const Tape::Recording recording(tape);
      loss = mean_loss(golden, golden.model.hidden(make_batch(golden.sequences)), golden.model);
    }
    EXPECT_NEAR(loss.item(), golden.file->tensor("loss").item(), 1e-5);
    GradientStore gradients;
    tape.backward(loss, gradients);
    int compared = 0;
    visit_decoder_weights(
        golden.model, WeightNaming::hf, [&](const std::string& name, const Tensor& weight) {
          ASSERT_TRUE(gradients.of(weight).defined()) << name;
          EXPECT_LE(relative_error(gradients.of(weight), golden.file->tensor("grad." + name)), 1e-4)
              << name;
          ++compared;
        });
    EXPECT_EQ(compared, static_cast<int>(all.parameters().size()));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, TinyLlama, testing::Values("tied", "untied", "scaled"),
                         [](const auto& info) { return info.param; });

TEST(Rotation, InterleavingIsUndoneExactly) {
  std::vector<float> values(2 * 8 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor weight = Tensor::from(values, {16, 3});
  const Tensor there = interleave_rotation(weight, 2);
  // Row 1 of the interleaved order is the partner of row 0: the first row of the second half.
  EXPECT_EQ(there.span<float>()[3], weight.span<float>()[4 * 3]);
  EXPECT_EQ(largest_difference(deinterleave_rotation(there, 2), weight), 0);
}

TEST(CausalLm, RefusesATokenOutsideTheVocabulary) {
  const Golden golden = load_golden("tied");
  const std::vector<std::vector<std::int32_t>> sequences = {{3, 97}};
  EXPECT_THROW(golden.model.hidden(make_batch(sequences)), Error);
}

TEST(CausalLm, AnAdapterStartsAsNothingAndMergesToTheSameLogits) {
  Golden golden = load_golden("untied");
  const Batch batch = make_batch(golden.sequences);
  const Tensor before = golden.model.logits(golden.model.hidden(batch));
  auto adapter =
      golden.model.make_adapter("test", {.rank = 3, .alpha = 6, .targets = {"all-linear"}}, 1);
  golden.model.attach(adapter);
  EXPECT_EQ(largest_difference(golden.model.logits(golden.model.hidden(batch)), before), 0);
  for (auto& [site, delta] : adapter->deltas) {
    for (std::int64_t i = 0; i < delta.b.count(); ++i)
      delta.b.data<float>()[i] = 0.01f * static_cast<float>(i % 7 - 3);
  }
  const Tensor adapted = golden.model.logits(golden.model.hidden(batch));
  EXPECT_GT(largest_difference(adapted, before), 1e-3);
  golden.model.merge_adapters();
  EXPECT_TRUE(golden.model.adapters().empty());
  EXPECT_LE(largest_difference(golden.model.logits(golden.model.hidden(batch)), adapted), 1e-4);
}

TEST(CausalLm, RefusesAnAdapterOfAnotherShapeAndStaysAsItWas) {
  Golden golden = load_golden("untied");
  auto adapter = golden.model.make_adapter("test", {.rank = 2, .targets = {"q_proj"}}, 1);
  adapter->deltas.begin()->second.a = Tensor::zeros({2, 41});
  try {
    golden.model.attach(adapter);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("layers.0.attn.q"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("[2, 41]"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(golden.model.adapters().empty());
}

TEST(CausalLm, AnUnknownTargetIsNamedWithTheKnownOnes) {
  const Golden golden = load_golden("tied");
  try {
    golden.model.make_adapter("test", {.targets = {"q_prj"}}, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_NE(std::string(error.what()).find("q_proj"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace bantam
