#include "bantam/model/peft_files.h"

#include "bantam/model/safetensors.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kModule = "base_model.model.model.layers.0.self_attn.q_proj";

PeftAdapter small_adapter() {
  PeftAdapter adapter;
  adapter.r = 2;
  adapter.alpha = 6;
  adapter.target_modules = {"q_proj"};
  adapter.base_model = "some/base";
  adapter.base_sha256 = std::string(64, 'a');
  adapter.bantam = {{"gate", 0.5}};
  adapter.modules = {{kModule, {Tensor::full({2, 4}, 0.5), Tensor::full({3, 2}, -1)}}};
  return adapter;
}

TEST(PeftFiles, WhatIsWrittenIsReadBack) {
  TemporaryFolder folder;
  write_peft_adapter(folder.path() / "bank", small_adapter());
  const PeftAdapter read = read_peft_adapter(folder.path() / "bank");
  EXPECT_EQ(read.r, 2);
  EXPECT_EQ(read.alpha, 6);
  EXPECT_THAT(read.target_modules, ElementsAre("q_proj"));
  EXPECT_EQ(read.base_model, "some/base");
  EXPECT_EQ(read.base_sha256, std::string(64, 'a'));
  EXPECT_EQ(read.bantam["gate"], 0.5);
  ASSERT_EQ(read.modules.size(), 1u);
  EXPECT_EQ(read.modules[0].first, kModule);
  EXPECT_EQ(read.modules[0].second.a.values(), std::vector<double>(8, 0.5));
  EXPECT_EQ(read.modules[0].second.b.shape(), Shape({3, 2}));
  EXPECT_EQ(read.scale_of(kModule), 3.0);
}

TEST(PeftFiles, ModulesTrainedWholeAreKeptByTheBasesNames) {
  TemporaryFolder folder;
  PeftAdapter adapter = small_adapter();
  adapter.saved_modules = {"classifier"};
  adapter.saved = {{"classifier.weight", Tensor::full({3, 4}, 0.25)},
                   {"classifier.bias", Tensor::full({3}, 2)}};
  write_peft_adapter(folder.path(), adapter);
  const PeftAdapter read = read_peft_adapter(folder.path());
  EXPECT_THAT(read.saved_modules, ElementsAre("classifier"));
  ASSERT_EQ(read.saved.size(), 2u);
  for (const auto& [name, weight] : read.saved) {
    EXPECT_EQ(weight.values(), std::vector<double>(name == "classifier.bias" ? 3 : 12,
                                                   name == "classifier.bias" ? 2 : 0.25));
  }
  // A tensor of no module that the config says was saved.
  adapter.saved.emplace_back("pooler.weight", Tensor::full({2, 2}, 1));
  write_peft_adapter(folder.path(), adapter);
  EXPECT_THAT(error_of([&] { read_peft_adapter(folder.path()); }), HasSubstr("pooler.weight"));
}

TEST(PeftFiles, ReadsWhatPeftWrote) {
  const PeftAdapter adapter =
      read_peft_adapter(Path(BANTAM_SOURCE_DIR) / "tests/golden/model_files/adapter");
  const Json expected = parse_json(
      read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/model_files/expected.json"))["peft"];
  EXPECT_EQ(adapter.modules.size(), expected["modules"].size());
  for (const auto& [module, pair] : adapter.modules) {
    const Json& wanted = expected["modules"][module];
    EXPECT_EQ(adapter.rank_of(module), wanted["rank"].get<int>()) << module;
    EXPECT_DOUBLE_EQ(adapter.scale_of(module), wanted["scale"].get<double>()) << module;
    EXPECT_EQ(pair.a.values(), wanted["a"].get<std::vector<double>>()) << module;
    EXPECT_EQ(pair.b.values(), wanted["b"].get<std::vector<double>>()) << module;
  }
}

std::string config_refusal(std::string_view extra) {
  return error_of([&] {
    parse_peft_config(fmt::format(R"({{"r":4,"lora_alpha":8{}}})", extra), "adapter_config.json");
  });
}

TEST(PeftFiles, SettingsThatChangeTheComputationAreRefused) {
  EXPECT_THAT(config_refusal(R"(,"use_dora":true)"), HasSubstr("'use_dora'"));
  EXPECT_THAT(config_refusal(R"(,"modules_to_save":[1])"), HasSubstr("modules_to_save"));
  EXPECT_THAT(config_refusal(R"(,"bias":"all")"), HasSubstr("'bias' is 'all'"));
  EXPECT_THAT(config_refusal(R"(,"peft_type":"IA3")"), HasSubstr("'IA3'"));
  EXPECT_THAT(config_refusal(R"(,"rank_pattern":{"(a+)+":3})"), HasSubstr("(a+)+"));
  EXPECT_THAT(config_refusal(R"(,"rank_pattern":{"q_proj":0})"), HasSubstr("from 1 to"));
  EXPECT_THAT(config_refusal(R"(,"target_modules":[1])"), HasSubstr("target_modules"));
  EXPECT_THAT(error_of([] { parse_peft_config(R"({"lora_alpha":8})", "c"); }),
              AllOf(HasSubstr("'r'"), HasSubstr("missing")));
  EXPECT_THAT(error_of([] { parse_peft_config(R"({"r":"4","lora_alpha":8})", "c"); }),
              HasSubstr("should be an integer"));
  EXPECT_THAT(error_of([] { parse_peft_config("[", "c"); }), HasSubstr("c: line 1"));
}

TEST(PeftFiles, ScalesFollowPatternsAndRankStabilization) {
  const PeftAdapter adapter = parse_peft_config(
      R"({"r":4,"lora_alpha":8,"use_rslora":true,"rank_pattern":{"down_proj":16},)"
      R"("alpha_pattern":{"mlp.down_proj":2}})",
      "c");
  EXPECT_DOUBLE_EQ(adapter.scale_of("m.layers.0.q_proj"), 4.0);
  EXPECT_DOUBLE_EQ(adapter.scale_of("m.layers.0.mlp.down_proj"), 0.5);
  EXPECT_DOUBLE_EQ(adapter.scale_of("m.layers.0.mlp.updown_proj"), 4.0);
}

class PeftFolder : public ::testing::Test {
 protected:
  std::string refusal(const std::vector<std::pair<std::string, Tensor>>& tensors) {
    write_safetensors(folder_.path() / "adapter_model.safetensors", tensors);
    folder_.write("adapter_config.json", R"({"r":2,"lora_alpha":4,"target_modules":["q_proj"]})");
    return error_of([&] { read_peft_adapter(folder_.path()); });
  }
  TemporaryFolder folder_;
};

TEST_F(PeftFolder, TensorsThatAreNoPairAreRefused) {
  EXPECT_THAT(refusal({{"x.weight", Tensor::zeros({2, 2})}}), HasSubstr("'x.weight'"));
  EXPECT_THAT(refusal({{"q.lora_A.weight", Tensor::zeros({2, 4})}}), HasSubstr("no lora_B"));
  EXPECT_THAT(refusal({{"q.lora_A.weight", Tensor::zeros({2})}}), HasSubstr("matrix"));
  EXPECT_THAT(refusal({{"q.lora_A.weight", Tensor::zeros({2, 4})},
                       {"q.lora_A.default.weight", Tensor::zeros({2, 4})}}),
              HasSubstr("two lora_A"));
}

TEST_F(PeftFolder, ADifferentRankNamesBothSizes) {
  EXPECT_THAT(refusal({{"q.lora_A.weight", Tensor::zeros({3, 4})},
                       {"q.lora_B.weight", Tensor::zeros({5, 3})}}),
              AllOf(HasSubstr("rank 2"), HasSubstr("[3, 4]"), HasSubstr("[5, 3]")));
}

TEST_F(PeftFolder, APickledAdapterIsNotOpened) {
  folder_.write("adapter_config.json", R"({"r":2,"lora_alpha":4})");
  folder_.write("adapter_model.bin", "PK\x03\x04");
  EXPECT_THAT(error_of([&] { read_peft_adapter(folder_.path()); }), HasSubstr("pickle"));
  EXPECT_THAT(error_of([&] { read_peft_adapter(folder_.path() / "no"); }),
              HasSubstr("adapter_config.json is missing"));
}

}  // namespace
}  // namespace bantam
