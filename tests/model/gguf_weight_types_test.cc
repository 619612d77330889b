#include "bantam/model/gguf_weight_types.h"

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/model/gguf.h"
#include "bantam/model/load_model.h"
#include "bantam/model/random_model.h"
#include "bantam/model/rounded_weights.h"
#include "bantam/model/save_model.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using testing::HasSubstr;

Json golden() {
  return parse_json(read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/model/gguf_mixtures.json"));
}

DecoderConfig config_of(const Json& model) {
  DecoderConfig config;
  config.layers = model["layers"];
  config.heads = model["heads"];
  config.kv_heads = model["kv_heads"];
  config.experts.count = model["experts"];
  return config;
}

Shape shape_of(const Json& dims) {
  const auto extents = dims.get<std::vector<std::int64_t>>();
  return Shape(std::span(extents));
}

TEST(GgufWeightTypes, MixturesAreThoseOfLlamaCpp) {
  const Json known = golden();
  for (const Json& model : known["models"]) {
    std::vector<std::string> names;
    for (const Json& tensor : model["tensors"]) names.push_back(tensor[0]);
    for (const auto& [mixture, letters] : model["types"].items()) {
      const GgufTensorTypes types(gguf_weight_type_named(mixture), config_of(model), names);
      for (std::size_t i = 0; i < names.size(); ++i) {
        const DType type = types.of(names[i], shape_of(model["tensors"][i][1]));
        EXPECT_EQ(known["letters"][std::string(info(type).name)].get<std::string>()[0],
                  letters.get<std::string>()[i])
            << model["name"] << ", " << mixture << ": " << names[i] << " is " << info(type).name;
      }
    }
  }
}

TEST(GgufWeightTypes, FilesAreNumberedAsLlamaCppDoes) {
  for (const auto& [mixture, number] : golden()["file_types"].items()) {
    const GgufWeightType type = gguf_weight_type_named(mixture);
    EXPECT_EQ(gguf_file_type(type), number) << mixture;
    EXPECT_EQ(name_of(type), mixture);
  }
}

TEST(GgufWeightTypes, PlainNamesStayPlain) {
  const GgufTensorTypes types(gguf_weight_type_named("q4_k"), DecoderConfig(),
                              {"token_embd.weight", "blk.0.ffn_down.weight"});
  EXPECT_EQ(types.of("token_embd.weight", {10, 256}), DType::q4_k);
  EXPECT_EQ(types.of("blk.0.ffn_down.weight", {10, 256}), DType::q4_k);
  EXPECT_EQ(types.of("blk.0.ffn_down.weight", {10, 96}), DType::q5_0);
  EXPECT_EQ(types.of("blk.0.ffn_down.weight", {10, 80}), DType::f16);
  EXPECT_EQ(types.of("blk.0.attn_norm.weight", {256}), DType::f32);
}

TEST(GgufWeightTypes, UnknownNamesGetTheNearest) {
  EXPECT_THAT(error_of([] { gguf_weight_type_named("q4_km"); }, Error::Kind::usage),
              HasSubstr("q4_k_m"));
  EXPECT_THAT(error_of([] { gguf_file_type(DType::i32); }, Error::Kind::usage), HasSubstr("i32"));
}

TEST(GgufWeightTypes, AWrittenMixtureHoldsTheWeightsOfItsSource) {
  // 18 layers: some get more bits in each of the mixtures.
  constexpr ModelShape kShape{"tiny", 18, 256, 8, 2, 32, 256, 300, 64, 10000};
  const TemporaryFolder folder;
  write_random_model(kShape, {.dtype = DType::f32}, folder.path() / "source.gguf");
  const LoadedModel source = load_model((folder.path() / "source.gguf").string());
  for (const char* name : {"q3_k_m", "q4_k_m", "q5_k_m"}) {
    const GgufWeightType type = gguf_weight_type_named(name);
    const Path file = folder.path() / name;
    save_gguf(source, file, type);
    const auto tensors = GgufFile::open(file);
    EXPECT_EQ(tensors->tensor("token_embd.weight").dtype(), DType::q6_k) << name;
    EXPECT_EQ(tensors->tensor("blk.3.ffn_up.weight").dtype(), main_type(type)) << name;
    EXPECT_NE(tensors->tensor("blk.0.attn_v.weight").dtype(), main_type(type)) << name;
    EXPECT_TRUE(holds_rounded(*load_model(file.string()).model, *source.model)) << name;
  }
}

}  // namespace
}  // namespace bantam
