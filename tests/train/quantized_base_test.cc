// Adapters over a quantized model: the forward pass multiplies integers, the gradient is f32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bantam/model/load_model.h"
#include "bantam/model/random_model.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/train/gradient_pass.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

constexpr ModelShape kShape{"tiny", 2, 64, 2, 1, 32, 96, 300, 128, 10000};

struct Pass {
  double loss = 0;
  std::vector<std::vector<double>> gradients;
};

double relative_difference(const Pass& a, const Pass& b) {
  double difference = 0, norm = 0;
  for (std::size_t p = 0; p < a.gradients.size(); ++p) {
    for (std::size_t i = 0; i < a.gradients[p].size(); ++i) {
      const double d = a.gradients[p][i] - b.gradients[p][i];
      difference += d * d;
      norm += b.gradients[p][i] * b.gradients[p][i];
    }
  }
  return std::sqrt(difference / norm);
}

class QuantizedBase : public testing::TestWithParam<DType> {
 protected:
  QuantizedBase() { write_random_model(kShape, {.dtype = GetParam()}, folder_.path() / "m.gguf"); }
  ~QuantizedBase() override { set_matmul_precision(MatmulPrecision::automatic); }

  Pass run(MatmulPrecision precision, bool checkpointing = false, std::int64_t together = 1 << 20) {
    set_matmul_precision(precision);
    const LoadedModel loaded = load_model((folder_.path() / "m.gguf").string());
    CausalLM& model = *loaded.model;
    model.set_gradient_checkpointing(checkpointing);
    const auto adapter = model.make_adapter("task", {.rank = 4}, 1);
    model.attach(adapter);
    for (Parameter& p : adapter->parameters()) {
      // B starts at zero, and then A has no gradient: move it first.
      if (p.name.ends_with("lora_b")) std::ranges::fill(p.tensor->span<float>(), 0.05f);
    }
    ParameterSet parameters = ParameterSet::select(adapter->parameters(), "adapters", 2);
    parameters.make_trainable();
    const std::vector<Example> examples = random_examples(6, 3, 60);
    std::vector<const Example*> all;
    for (const Example& example : examples) all.push_back(&example);
    const StepGradients step =
        compute_gradients(make_objective("sft"), split_by_tokens(all, together), model, {});
    Pass pass{step.loss(), {}};
    for (const Parameter& parameter : parameters.parameters()) {
      pass.gradients.push_back(step.gradients.of(*parameter.tensor).values());
    }
    return pass;
  }

  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Types, QuantizedBase, testing::Values(DType::q4_0, DType::q8_0));

TEST_P(QuantizedBase, TrainsAsWithF32ProductsButForTheRounding) {
  const Pass f32 = run(MatmulPrecision::f32), rounded = run(MatmulPrecision::automatic);
  // A rounded product errs by 0.6 % (rounded_linear_test.cc). Nine follow one another, and their
  // errors reach a gradient through the values it multiplies and through the loss: 0.6 % √18.
  EXPECT_NEAR(rounded.loss, f32.loss, 0.005 * f32.loss);
  EXPECT_LT(relative_difference(rounded, f32), 0.026);
  EXPECT_GT(relative_difference(rounded, f32), 0) << "nothing was rounded";
}

TEST_P(QuantizedBase, GivesTheSameBitsWithGradientCheckpointing) {
  const Pass plain = run(MatmulPrecision::automatic), again = run(MatmulPrecision::automatic, true);
  EXPECT_EQ(plain.loss, again.loss);
  EXPECT_EQ(plain.gradients, again.gradients);
}

TEST_P(QuantizedBase, DoesNotDependOnThePartition) {
  const Pass whole = run(MatmulPrecision::automatic);
  const Pass parts = run(MatmulPrecision::automatic, false, 70);
  EXPECT_NEAR(parts.loss, whole.loss, 1e-5 * whole.loss);
  // Other products are f32 sums in another order, 1e-7 apart, after which a value or two may round
  // the other way: by 2^-8 of one in bf16, which is 2^-8 / √64 of its row and, among the 190 rows of
  // six examples, 4e-5 of all.
  EXPECT_LT(relative_difference(parts, whole), 2e-4);
}

}  // namespace
}  // namespace bantam
