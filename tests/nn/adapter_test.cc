#include "bantam/nn/adapter.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bantam/base/error.h"
#include "bantam/nn/linear_layer.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

Tensor counted(const Shape& shape, double step) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    values.push_back(static_cast<float>(std::sin(step * static_cast<double>(i + 1))));
  }
  return Tensor::from(values, shape);
}

LoraDelta some_delta() { return {counted({2, 3}, 0.7), counted({4, 2}, 0.3), 1.5}; }

// What with_lora() adds to an output, here of ones.
Tensor added_by(const LoraDelta& delta, const Gate& gate, const Tensor& x) {
  const Tensor before = Tensor::full({x.size(0), delta.b.size(0)}, 1);
  return subtract(with_lora(delta, gate, x, before), before);
}

std::vector<double> product(const Tensor& x, const Tensor& w) {  // x wᵀ in f64
  const auto a = x.values(), b = w.values();
  const auto rows = static_cast<std::size_t>(x.size(0)),
             inner = static_cast<std::size_t>(x.size(1));
  const auto columns = static_cast<std::size_t>(w.size(0));
  std::vector<double> result(rows * columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t k = 0; k < inner; ++k) {
        result[i * columns + j] += a[i * inner + k] * b[j * inner + k];
      }
    }
  }
  return result;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
}

TEST(Adapter, StartsAtNothing) {
  Adapter adapter;
  adapter.options.rank = 2;
  adapter.add_delta("layers.0.attn.q", 3, 4, 1);
  const Tensor x = counted({5, 3}, 0.2);
  for (const double value :
       added_by(adapter.deltas.at("layers.0.attn.q"), adapter.gate, x).values()) {
    EXPECT_EQ(value, 0);
  }
  EXPECT_EQ(adapter.deltas.at("layers.0.attn.q").scale, 8);  // alpha 16 / rank 2
}

TEST(Adapter, StartDependsOnSiteAndSeedOnly) {
  Adapter one, many;
  one.add_delta("layers.1.mlp.up", 6, 4, 9);
  many.add_delta("layers.0.attn.q", 6, 4, 9);
  many.add_delta("layers.1.mlp.up", 6, 4, 9);
  EXPECT_EQ(one.deltas.at("layers.1.mlp.up").a.values(),
            many.deltas.at("layers.1.mlp.up").a.values());
  EXPECT_NE(many.deltas.at("layers.0.attn.q").a.values(),
            many.deltas.at("layers.1.mlp.up").a.values());
  const double bound = 1 / std::sqrt(6.0);
  for (const double value : one.deltas.at("layers.1.mlp.up").a.values()) {
    EXPECT_LE(std::abs(value), bound);
  }
}

TEST(Adapter, OutputEqualsTheMergedWeight) {
  const LoraDelta delta = some_delta();
  const Tensor x = counted({5, 3}, 0.2);
  expect_near(added_by(delta, {}, x).values(), product(x, lora_weight(delta)));
}

TEST(Adapter, GatesScaleCloseAndChooseTokens) {
  const LoraDelta delta = some_delta();
  const Tensor x = counted({2, 3}, 0.2);
  const auto whole = added_by(delta, {}, x).values();
  const auto half = added_by(delta, {.value = 0.5, .per_token = {}}, x).values();
  const std::vector<float> mask = {0, 1};
  const auto second =
      added_by(delta, {.value = 1, .per_token = Tensor::from(mask, {2, 1})}, x).values();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NEAR(half[i], whole[i] / 2, 1e-6);
    EXPECT_NEAR(second[i], i < 4 ? 0 : whole[i], 1e-6);
  }
  const Tensor y = counted({2, 4}, 0.9);
  const Tensor same = with_lora(delta, {.value = 0, .per_token = {}}, x, y);
  EXPECT_TRUE(same.shares_storage_with(y)) << "a closed gate adds nothing";
}

TEST(Adapter, ParametersAreNamedBySiteAndLayer) {
  Adapter adapter;
  adapter.add_delta("layers.12.attn.q", 3, 4, 1);
  const auto parameters = adapter.parameters();
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(parameters[0].name, "layers.12.attn.q.lora_a");
  EXPECT_EQ(parameters[1].name, "layers.12.attn.q.lora_b");
  EXPECT_EQ(parameters[1].layer, 12);
  EXPECT_EQ(parameters[1].role, ParameterRole::adapter);
}

TEST(LinearLayer, AdaptersAddToTheWeight) {
  auto adapter = std::make_shared<Adapter>();
  adapter->deltas["site"] = some_delta();
  LinearLayer layer{"site", counted({4, 3}, 0.5), {}, {adapter, adapter}};
  const Tensor x = counted({5, 3}, 0.2);
  const Tensor merged = add(layer.weight, scale(lora_weight(some_delta()), 2));
  expect_near(layer.forward(x, nullptr).values(), product(x, merged));
}

TEST(LinearLayer, GradientsReachTheAdapterAndNotTheWeight) {
  auto adapter = std::make_shared<Adapter>();
  adapter->deltas["site"] = some_delta();
  for (Parameter& parameter : adapter->parameters()) {
    *parameter.tensor = parameter.tensor->as_variable();
  }
  const LinearLayer layer{"site", counted({4, 3}, 0.5), {}, {adapter}};
  const Tensor x = counted({5, 3}, 0.2);
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = layer.forward(x, nullptr);
  }
  GradientStore gradients;
  tape.backward(y, gradients);
  // d(sum y)/dB = scale * ones ⊗ (column sums of x Aᵀ).
  const LoraDelta& delta = adapter->deltas.at("site");
  const auto narrow = product(x, delta.a);
  const auto found = gradients.of(delta.b).values();
  ASSERT_EQ(found.size(), 8U);
  for (std::size_t r = 0; r < 2; ++r) {
    double sum = 0;
    for (std::size_t t = 0; t < 5; ++t) sum += narrow[t * 2 + r];
    for (std::size_t n = 0; n < 4; ++n) EXPECT_NEAR(found[n * 2 + r], 1.5 * sum, 1e-5);
  }
  EXPECT_TRUE(gradients.of(delta.a).defined());
}

TEST(LinearLayer, ErrorsNameTheSite) {
  const LinearLayer layer{"layers.3.mlp.up", counted({4, 3}, 0.5), {}, {}};
  try {
    layer.forward(counted({5, 2}, 0.2), nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("layers.3.mlp.up"), std::string::npos);
  }
}

}  // namespace
}  // namespace bantam
