#include "bantam/nn/parameter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A model's list in small: embedding, two norms and linears a layer for three layers, a bias, head.
struct Weights {
  std::vector<Tensor> tensors = std::vector<Tensor>(10, Tensor::zeros({2, 32}));
  std::vector<Parameter> list() {
    std::vector<Parameter> all;
    std::size_t next = 0;
    const auto put = [&](std::string name, ParameterRole role, int layer) {
      all.push_back({std::move(name), &tensors[next++], role, layer});
    };
    put("embed", ParameterRole::embedding, -1);
    for (int layer = 0; layer < 3; ++layer) {
      put("norm" + std::to_string(layer), ParameterRole::norm, layer);
      put("linear" + std::to_string(layer), ParameterRole::linear, layer);
    }
    put("bias1", ParameterRole::bias, 1);
    put("head", ParameterRole::head, -1);
    put("lora", ParameterRole::adapter, 2);
    return all;
  }
  std::vector<std::string> chosen(std::string_view selector) {
    std::vector<std::string> names;
    const ParameterSet set = ParameterSet::select(list(), selector, 3);
    for (const Parameter& p : set.parameters()) names.push_back(p.name);
    return names;
  }
};

TEST(ParameterSet, SelectorsChooseByRoleAndKeepTheModelsOrder) {
  Weights weights;
  EXPECT_EQ(weights.chosen("all").size(), 10U);
  EXPECT_THAT(weights.chosen("head+embeddings"), ElementsAre("embed", "head"));
  EXPECT_THAT(weights.chosen("norms+biases"), ElementsAre("norm0", "norm1", "norm2", "bias1"));
  EXPECT_THAT(weights.chosen("adapters"), ElementsAre("lora"));
  EXPECT_THAT(weights.chosen("linears+linears"), ElementsAre("linear0", "linear1", "linear2"));
}

TEST(ParameterSet, LayersAreListsRangesAndCountsFromTheEnd) {
  Weights weights;
  EXPECT_THAT(weights.chosen("layers:0"), ElementsAre("norm0", "linear0"));
  EXPECT_THAT(weights.chosen("layers:0-1"),
              ElementsAre("norm0", "linear0", "norm1", "linear1", "bias1"));
  EXPECT_THAT(weights.chosen("layers:-1"), ElementsAre("norm2", "linear2", "lora"));
  EXPECT_THAT(weights.chosen("layers:-2-"),
              ElementsAre("norm1", "linear1", "norm2", "linear2", "bias1", "lora"));
  EXPECT_THAT(weights.chosen("layers:0,2"),
              ElementsAre("norm0", "linear0", "norm2", "linear2", "lora"));
}

TEST(ParameterSet, UnknownSelectorsNameTheKnownOnes) {
  Weights weights;
  try {
    weights.chosen("norm");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(error.what(), HasSubstr("norms"));
  }
  for (const char* wrong : {"layers:3", "layers:x", "layers:", "layers:-4", "", "all+"}) {
    EXPECT_THROW(weights.chosen(wrong), Error) << wrong;
  }
}

TEST(ParameterSet, ChoosingNothingIsAnError) {
  Weights weights;
  std::vector<Parameter> only_norms = {weights.list()[1]};
  EXPECT_THROW(ParameterSet::select(only_norms, "head", 3), Error);
}

TEST(ParameterSet, TrainableMeansACopyInFullPrecision) {
  Weights weights;
  const Tensor before = Tensor::full({2, 32}, 0.5);
  weights.tensors[2] = quantize(before, DType::q8_0);  // a linear
  weights.tensors[1] = before;                         // a norm
  ParameterSet set = ParameterSet::select(weights.list(), "layers:0", 3);
  EXPECT_EQ(set.element_count(), 128);
  set.make_trainable();
  EXPECT_EQ(weights.tensors[2].dtype(), DType::f32);
  EXPECT_NEAR(weights.tensors[2].values()[5], 0.5, 1e-2);
  EXPECT_TRUE(weights.tensors[1].wants_gradient());
  EXPECT_FALSE(weights.tensors[1].shares_storage_with(before));
  const VariableId id = weights.tensors[1].variable();
  set.make_trainable();
  EXPECT_EQ(weights.tensors[1].variable(), id);
}

}  // namespace
}  // namespace bantam
