// Quantized Hugging Face folders against the programs that pack them. Files:
// tests/golden/model/packed, made by tools/golden/packed_weights.py.
#include "bantam/model/packed_weights.h"

#include <cmath>
#include <limits>

#include "bantam/model/architecture.h"
#include "bantam/model/causal_lm.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/safetensors.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Path golden_folder(const std::string& name) {
  return Path(BANTAM_SOURCE_DIR) / "tests/golden/model/packed" / name;
}

struct Folder {
  const char* name;
  DType type;  ///< what its weight should come in
};

class PackedWeights : public testing::TestWithParam<Folder> {};

TEST_P(PackedWeights, AreTheNumbersOfTheirProgram) {
  const Path folder = golden_folder(GetParam().name);
  const auto source = open_weights(folder);
  const Tensor weight = source->tensor("linear.weight");
  EXPECT_EQ(info(weight.dtype()).name, info(GetParam().type).name);
  const Tensor expected =
      SafetensorsFile::open(folder / "expected.safetensors")->tensor("linear.weight");
  EXPECT_EQ(weight.shape(), expected.shape());
  EXPECT_EQ(weight.values(), expected.values());
}

TEST_P(PackedWeights, AreAnnouncedAsTheyComeAndHideTheirParts) {
  const auto source = open_weights(golden_folder(GetParam().name));
  const Tensor weight = source->tensor("linear.weight");
  for (const WeightInfo& announced : source->weights()) {
    EXPECT_TRUE(announced.name == "linear.weight" || announced.name == "linear.bias" ||
                announced.name == "norm.weight")
        << announced.name;
    if (announced.name != "linear.weight") continue;
    EXPECT_EQ(announced.shape, weight.shape());
    EXPECT_EQ(announced.dtype, weight.dtype());
    EXPECT_EQ(announced.bytes, weight.byte_size());
  }
  EXPECT_TRUE(source->has("linear.weight"));
  EXPECT_TRUE(source->has("norm.weight"));
  for (const char* part :
       {"linear.qweight", "linear.scales", "linear.weight.absmax", "linear.SCB"}) {
    EXPECT_FALSE(source->has(part)) << part;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PackedWeights,
    testing::Values(Folder{"gptq_4bit", DType::q4_0}, Folder{"gptq_4bit_asymmetric", DType::q5_0},
                    // Inputs of a group do not lie side by side, so no block type fits.
                    Folder{"gptq_4bit_act_order", DType::f32}, Folder{"gptq_4bit_v2", DType::q5_0},
                    Folder{"gptq_8bit", DType::q8_0}, Folder{"gptq_8bit_asymmetric", DType::f32},
                    Folder{"gptq_3bit", DType::q4_0}, Folder{"gptq_2bit", DType::q4_0},
                    Folder{"awq", DType::q5_0}, Folder{"nf4", DType::f32},
                    Folder{"nf4_double", DType::bf16}, Folder{"fp4_double", DType::f16},
                    Folder{"int8", DType::f32}),
    [](const testing::TestParamInfo<Folder>& test) { return std::string(test.param.name); });

TEST(PackedModel, GivesTheLogitsOfTransformers) {
  const Path folder = golden_folder("model");
  const HfConfig config = HfConfig::read(folder / "config.json");
  const Architecture& family = architecture_of_hf(config.require_string("model_type"));
  const DecoderConfig numbers = family.config_from_hf(config);
  std::vector<std::string> warnings;
  auto weights =
      read_decoder_weights(*open_weights(folder), WeightNaming::hf, family, numbers, warnings);
  EXPECT_TRUE(warnings.empty());
  const CausalLM model(family, numbers, std::move(weights));
  const auto expected = SafetensorsFile::open(folder / "expected.safetensors");
  const Tensor ids = expected->tensor("tokens");
  const auto tokens = ids.span<std::int32_t>();
  const std::vector<std::vector<std::int32_t>> sequences = {{tokens.begin(), tokens.end()}};
  const Tensor logits = model.logits(model.hidden(make_batch(sequences)));
  const auto found = logits.values(), wanted = expected->tensor("logits").values();
  ASSERT_EQ(found.size(), wanted.size());
  double scale = 0;
  for (const double value : wanted) scale = std::max(scale, std::fabs(value));
  // Both are f32 throughout; sums run in another order.
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], wanted[i], 1e-5 * scale);
}

// A folder with one packed linear of 64 inputs and 8 outputs, to be spoiled.
class SpoiledFolder {
 public:
  SpoiledFolder() {
    tensors["x.qweight"] = Tensor::zeros({8, 8}, DType::i32);
    tensors["x.qzeros"] = Tensor::zeros({2, 1}, DType::i32);
    tensors["x.scales"] = Tensor::full({2, 8}, 0.5);
    tensors["x.g_idx"] = Tensor::zeros({64}, DType::i32);
    settings = {{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 32}};
  }

  std::shared_ptr<const WeightSource> open() const {
    const std::vector<std::pair<std::string, Tensor>> list(tensors.begin(), tensors.end());
    write_safetensors(folder_.path() / "model.safetensors", list);
    write_file_atomically(folder_.path() / "config.json",
                          dump_json(Json{{"quantization_config", settings}}));
    return open_weights(folder_.path());
  }
  std::string refusal() const {
    return error_of([&] { open(); });
  }

  std::map<std::string, Tensor> tensors;
  Json settings;

 private:
  TemporaryFolder folder_;
};

TEST(PackedFolder, SettingsThatAreNotKnownNameTheKnownOnes) {
  const auto refusal = [](const char* key, Json value) {
    SpoiledFolder folder;
    folder.settings[key] = std::move(value);
    return folder.refusal();
  };
  EXPECT_THAT(refusal("quant_method", "hqq"),
              AllOf(HasSubstr("'hqq'"), HasSubstr("gptq, awq, bitsandbytes")));
  EXPECT_THAT(refusal("bits", 5), AllOf(HasSubstr("bits 5"), HasSubstr("2, 3, 4, 8")));
  EXPECT_THAT(refusal("checkpoint_format", "marlin"),
              AllOf(HasSubstr("'marlin'"), HasSubstr("gptq, gptq_v2")));
  EXPECT_THAT(refusal("group_size", 0), HasSubstr("group_size is 0"));
  EXPECT_THAT(refusal("dynamic", {{"lm_head", {{"bits", 8}}}}), HasSubstr("dynamic"));

  SpoiledFolder awq;
  awq.settings = {
      {"quant_method", "awq"}, {"bits", 4}, {"group_size", 32}, {"version", "gemv_fast"}};
  EXPECT_THAT(awq.refusal(), AllOf(HasSubstr("'gemv_fast'"), HasSubstr("known: gemm")));
  awq.settings["bits"] = 3;
  EXPECT_THAT(awq.refusal(), HasSubstr("bits 3"));
}

TEST(PackedFolder, PartsThatDoNotFitTogetherNameTheTensor) {
  const auto refusal = [](const char* name, Tensor tensor) {
    SpoiledFolder folder;
    if (tensor.defined()) {
      folder.tensors[name] = std::move(tensor);
    } else {
      folder.tensors.erase(name);
    }
    return folder.refusal();
  };
  EXPECT_NO_THROW(SpoiledFolder().open());
  EXPECT_THAT(refusal("x.scales", {}), HasSubstr("no tensor 'x.scales'"));
  EXPECT_THAT(refusal("x.scales", Tensor::full({3, 8}, 0.5)),
              AllOf(HasSubstr("'x.scales'"), HasSubstr("[3, 8]"), HasSubstr("[2, 8]")));
  EXPECT_THAT(refusal("x.scales", Tensor::full({2, 8}, std::numeric_limits<double>::quiet_NaN())),
              AllOf(HasSubstr("'x.scales'"), HasSubstr("NaN")));
  EXPECT_THAT(refusal("x.qzeros", Tensor::zeros({2, 2}, DType::i32)), HasSubstr("'x.qzeros'"));
  EXPECT_THAT(refusal("x.qweight", Tensor::zeros({8, 8})), HasSubstr("'x.qweight'"));
  EXPECT_THAT(refusal("x.qweight", Tensor::zeros({8, 7}, DType::i32)), HasSubstr("whole number"));
  EXPECT_THAT(refusal("x.g_idx", Tensor::full({64}, 2, DType::i32)),
              AllOf(HasSubstr("input 0"), HasSubstr("group 2")));
  SpoiledFolder empty;
  empty.settings["quant_method"] = "bitsandbytes";
  EXPECT_THAT(empty.refusal(), HasSubstr("no tensor packed"));
}

TEST(PackedFolder, ABitsandbytesStateThatIsWrongNamesTheTensor) {
  const auto refusal = [](std::string state, std::int64_t bytes = 16) {
    SpoiledFolder folder;
    folder.settings = {{"quant_method", "bitsandbytes"}};
    Tensor text = Tensor::zeros({static_cast<std::int64_t>(state.size()) / 4}, DType::f32);
    std::memcpy(text.writable_bytes(), state.data(), text.byte_size());
    folder.tensors = {{"x.weight", Tensor::zeros({bytes / 4, 1})},
                      {"x.weight.absmax", Tensor::zeros({1})},
                      {"x.weight.quant_map", Tensor::zeros({16})},
                      {"x.weight.quant_state.bitsandbytes__nf4", text}};
    return error_of([&] { folder.open()->tensor("x.weight"); });
  };
  const auto state = [](std::string_view dtype, std::string_view shape) {
    std::string text = fmt::format(R"({{"blocksize":64,"dtype":"{}","shape":{}}})", dtype, shape);
    text.append((4 - text.size() % 4) % 4, ' ');
    return text;
  };
  EXPECT_THAT(refusal("nonsense"), HasSubstr("bitsandbytes__nf4"));
  EXPECT_THAT(refusal(state("int4", "[4,8]")), AllOf(HasSubstr("'int4'"), HasSubstr("bfloat16")));
  EXPECT_THAT(refusal(state("float32", "[4,-8]")), HasSubstr("shape"));
  EXPECT_THAT(refusal(state("float32", "[4,16]")),
              AllOf(HasSubstr("'x.weight'"), HasSubstr("16 bytes"), HasSubstr("expected 32")));
}

}  // namespace
}  // namespace bantam
