#include "bantam/model/gguf.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "bantam/base/json.h"
#include "bantam/tensor/quant/quantize.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor ramp(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  std::iota(values.begin(), values.end(), -3.0f);
  return Tensor::from(values, shape);
}

TEST(Gguf, WhatIsWrittenIsReadBack) {
  TemporaryFolder folder;
  const Path path = folder.path() / "a b.gguf";
  GgufWriter writer;
  writer.set("general.architecture", "llama");
  writer.set("u8", std::uint8_t{7});
  writer.set("i64", std::int64_t{-5});
  writer.set("f64", 0.1);
  writer.set("yes", true);
  writer.set("flags", GgufArray{std::vector<bool>{true, false, true}});
  writer.set("tokens", GgufArray{std::vector<std::string>{"", "é", std::string("a\0b", 3)}});
  writer.set("ids", GgufArray{std::vector<std::uint64_t>{1, ~std::uint64_t{0}}});
  const Tensor plain = ramp({2, 3, 5}), blocks = quantize(ramp({3, 64}), DType::q4_1);
  writer.add("plain", plain);
  writer.add("nothing", Tensor::empty({0, 4}));
  writer.add("blocks", blocks);
  writer.add("one", Tensor::scalar(2.5));
  writer.write(path);

  const auto file = GgufFile::open(path);
  EXPECT_EQ(file->metadata().size(), 8u);
  EXPECT_EQ(file->require_string("general.architecture"), "llama");
  EXPECT_EQ(file->require_integer("u8"), 7);
  EXPECT_EQ(file->require_integer("i64"), -5);
  EXPECT_EQ(file->require_number("f64"), 0.1);
  EXPECT_EQ(file->boolean("yes"), true);
  EXPECT_THAT(file->require_strings("tokens"), ElementsAre("", "é", std::string("a\0b", 3)));
  EXPECT_EQ(std::get<GgufArray>(*file->find("ids")).items.index(), 10u);
  EXPECT_EQ(file->tensor("plain").shape(), Shape({2, 3, 5}));
  EXPECT_EQ(file->tensor("plain").values(), plain.values());
  EXPECT_EQ(file->tensor("blocks").dtype(), DType::q4_1);
  EXPECT_EQ(file->tensor("blocks").values(), blocks.values());
  EXPECT_EQ(file->tensor("nothing").count(), 0);
  EXPECT_EQ(file->tensor("one").item(), 2.5);
  EXPECT_EQ(file->total_bytes(), std::filesystem::file_size(path));
}

TEST(Gguf, TheAlignmentAskedForIsUsed) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.gguf";
  for (const std::uint32_t alignment : {1u, 64u, 4096u}) {
    GgufWriter writer;
    writer.set("general.alignment", alignment);
    writer.add("a", ramp({3}));
    writer.add("b", ramp({5}));
    writer.write(path);
    const auto file = GgufFile::open(path);
    EXPECT_EQ(file->tensors()[1].offset % alignment, 0u);
    EXPECT_THAT(file->tensor("b").values(), ElementsAre(-3, -2, -1, 0, 1)) << alignment;
  }
}

TEST(Gguf, WrongTypesNameKeyExpectedAndFound) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.gguf";
  GgufWriter writer;
  writer.set("heads", 9.0f);
  writer.set("name", std::int32_t{3});
  writer.set("scores", GgufArray{std::vector<std::uint8_t>{1, 2}});
  writer.write(path);
  const auto file = GgufFile::open(path);
  EXPECT_THAT(error_of([&] { file->require_integer("heads"); }),
              AllOf(HasSubstr("m.gguf"), HasSubstr("'heads'"), HasSubstr("expected an integer"),
                    HasSubstr("found f32 9")));
  EXPECT_THAT(error_of([&] { file->string("name"); }), HasSubstr("found i32 3"));
  EXPECT_THAT(error_of([&] { file->numbers("scores"); }), HasSubstr("array of 2 u8"));
  EXPECT_THAT(error_of([&] { file->require_integer("layers"); }), HasSubstr("no such key"));
  EXPECT_EQ(file->integer("layers"), std::nullopt);
  EXPECT_THAT(error_of([&] { file->tensor("outptu.weight"); }), HasSubstr("no tensor"));
}

TEST(Gguf, AScaleThatIsNotFiniteNamesTensorAndBlock) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.gguf";
  Tensor blocks = quantize(ramp({2, 64}), DType::q8_0);
  const std::uint16_t infinity = 0x7c00;
  std::memcpy(blocks.writable_bytes() + 34 * 3, &infinity, 2);
  GgufWriter writer;
  writer.add("blk.0.attn_q.weight", blocks);
  writer.write(path);
  EXPECT_THAT(error_of([&] { GgufFile::open(path); }),
              AllOf(HasSubstr("'blk.0.attn_q.weight'"), HasSubstr("block 3")));
  EXPECT_TRUE(GgufFile::open(path, WeightCheck::never)->has("blk.0.attn_q.weight"));
}

// What the file of an element type's golden blocks holds, by tools/golden/quant_types.py.
struct GoldenBlocks {
  Tensor tensor;
  int first_bad;
};

GoldenBlocks golden_blocks(DType type) {
  const std::string file = read_file(
      fmt::format("{}/tests/golden/tensor/quant_{}.bin", BANTAM_SOURCE_DIR, info(type).name),
      std::uint64_t{1} << 20);
  std::int32_t numbers[3];
  std::memcpy(numbers, file.data(), sizeof numbers);
  Tensor tensor = Tensor::empty({1, numbers[0]}, type);
  std::memcpy(tensor.writable_bytes(), file.data() + sizeof numbers, tensor.byte_size());
  return {tensor, numbers[2]};
}

TEST(Gguf, HoldsEveryElementType) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.gguf";
  for (const DTypeInfo& type : all_dtypes()) {
    const Tensor stored =
        type.is_quantized ? golden_blocks(type.dtype).tensor : Tensor::zeros({3, 5}, type.dtype);
    GgufWriter writer;
    writer.add("w", stored);
    writer.write(path);
    const Tensor read = GgufFile::open(path, WeightCheck::never)->tensor("w");
    EXPECT_EQ(read.dtype(), type.dtype) << type.name;
    ASSERT_EQ(read.byte_size(), stored.byte_size()) << type.name;
    EXPECT_EQ(std::memcmp(read.bytes(), stored.bytes(), read.byte_size()), 0) << type.name;
  }
}

TEST(Gguf, AScaleThatIsNotFiniteIsFoundInEveryBlockType) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.gguf";
  for (const DTypeInfo& type : all_dtypes()) {
    if (!type.is_quantized) continue;
    const GoldenBlocks golden = golden_blocks(type.dtype);
    GgufWriter writer;
    writer.add("w", golden.tensor);
    writer.write(path);
    if (golden.first_bad < 0) {  // nvfp4: every byte is a number
      EXPECT_TRUE(GgufFile::open(path)->has("w")) << type.name;
      continue;
    }
    EXPECT_THAT(error_of([&] { GgufFile::open(path); }),
                AllOf(HasSubstr("'w'"), HasSubstr(std::string(type.name)),
                      HasSubstr(fmt::format("block {}", golden.first_bad))));
  }
}

// Writes the parts of a split set; `edit` may spoil one.
std::vector<Path> write_parts(const TemporaryFolder& folder, const std::string& stem, int count,
                              int tensors_stated, const std::string& architecture = "llama") {
  std::vector<Path> paths;
  for (int part = 0; part < count; ++part) {
    GgufWriter writer;
    writer.set("general.architecture", architecture);
    writer.set("split.no", static_cast<std::uint16_t>(part));
    writer.set("split.count", static_cast<std::uint16_t>(count));
    writer.set("split.tensors.count", tensors_stated);
    writer.add(fmt::format("{}{}", architecture == "llama" ? "w" : "x", part),
               Tensor::full({2}, part));
    paths.push_back(folder.path() / fmt::format("{}-{:05d}-of-{:05d}.gguf", stem, part + 1, count));
    writer.write(paths.back());
  }
  return paths;
}

TEST(Gguf, AnyPartOpensTheWholeSet) {
  TemporaryFolder folder;
  const auto paths = write_parts(folder, "m", 3, 3);
  for (const Path& path : paths) {
    const auto file = GgufFile::open(path);
    EXPECT_EQ(file->paths(), paths);
    EXPECT_EQ(file->tensors().size(), 3u);
    EXPECT_EQ(file->tensor("w2").values()[0], 2.0);
  }
}

TEST(Gguf, SplitSetsNameThePartThatIsMissingForeignOrRepeated) {
  TemporaryFolder folder;
  auto paths = write_parts(folder, "m", 3, 3);
  const std::string second = [&] {
    std::ifstream file(paths[1], std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  std::filesystem::remove(paths[1]);
  EXPECT_THAT(error_of([&] { GgufFile::open(paths[0]); }),
              AllOf(HasSubstr("m-00002-of-00003.gguf"), HasSubstr("missing")));
  std::filesystem::copy_file(paths[2], paths[1]);
  EXPECT_THAT(error_of([&] { GgufFile::open(paths[0]); }), HasSubstr("repeated"));
  folder.write(paths[1].filename().string(), second);
  const auto others = write_parts(folder, "n", 3, 3, "qwen2");
  std::filesystem::copy_file(others[1], paths[1],
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(error_of([&] { GgufFile::open(paths[0]); }),
              AllOf(HasSubstr("m-00002-of-00003.gguf"), HasSubstr("another model")));
  folder.write(paths[1].filename().string(), second);
  const auto counted = write_parts(folder, "k", 2, 5);
  EXPECT_THAT(error_of([&] { GgufFile::open(counted[0]); }), HasSubstr("5 tensors"));
  std::filesystem::copy_file(paths[0], folder.path() / "renamed.gguf");
  EXPECT_THAT(error_of([&] { GgufFile::open(folder.path() / "renamed.gguf"); }),
              HasSubstr("one of 3 parts"));
}

TEST(Gguf, PartsHoldAsManyTensorsAsFitAndReadAsOneFile) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.v2.gguf";
  GgufWriter writer;
  writer.set("general.architecture", "llama");
  writer.set("general.alignment", std::uint32_t{64});
  writer.set("note", "first part only");
  for (const char* name : {"a", "b", "c", "d"}) writer.add(name, ramp({5, 2}));  // 40 bytes
  writer.add("large", ramp({50}));
  writer.add("last", ramp({3}));
  const auto part = [&](int number) {
    return folder.path() / ("m.v2-0000" + std::to_string(number) + "-of-00004.gguf");
  };
  EXPECT_THAT(writer.write_parts(path, 100), ElementsAre(part(1), part(2), part(3), part(4)));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(is_gguf_part_of(part(3), path));
  EXPECT_FALSE(is_gguf_part_of(part(3), folder.path() / "m.gguf"));
  EXPECT_FALSE(is_gguf_part_of(path, path));

  const auto file = GgufFile::open(part(2));
  EXPECT_EQ(file->require_string("note"), "first part only");
  std::vector<std::pair<std::string, std::size_t>> places;
  for (const GgufTensorInfo& tensor : file->tensors()) {
    places.emplace_back(tensor.name, tensor.part);
    EXPECT_EQ(tensor.offset % 64, 0u);
  }
  EXPECT_THAT(places,
              ElementsAre(std::pair("a", 0u), std::pair("b", 0u), std::pair("c", 1u),
                          std::pair("d", 1u), std::pair("large", 2u), std::pair("last", 3u)));
  EXPECT_EQ(file->tensor("large").values(), ramp({50}).values());

  EXPECT_THAT(writer.write_parts(path, 4000), ElementsAre(path));
  EXPECT_EQ(GgufFile::open(path)->find("split.count"), nullptr);
}

TEST(Gguf, TheWriterRefusesWhatTheReaderWould) {
  GgufWriter writer;
  writer.add("w", ramp({2}));
  EXPECT_THAT(error_of([&] { writer.add("w", ramp({2})); }), HasSubstr("twice"));
  EXPECT_THAT(error_of([&] { writer.add(std::string(65, 'x'), ramp({2})); }), HasSubstr("65"));
  EXPECT_THAT(error_of([&] { writer.add("v", ramp({1, 1, 1, 1, 2})); }), HasSubstr("4 axes"));
  EXPECT_THAT(error_of([&] { writer.set("general.alignment", std::uint32_t{12}); }),
              HasSubstr("power of two"));
}

TEST(Gguf, NothingIsLeftWhereTheFolderDoesNotExist) {
  TemporaryFolder folder;
  GgufWriter writer;
  writer.add("w", ramp({2}));
  EXPECT_THROW(writer.write(folder.path() / "no" / "m.gguf"), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Gguf, ReadsWhatThePythonPackageWrote) {
  const Path golden = Path(BANTAM_SOURCE_DIR) / "tests/golden/model_files";
  const auto file = GgufFile::open(golden / "small.gguf");
  const Json expected = parse_json(read_file(golden / "expected.json"));
  EXPECT_EQ(file->require_string("general.architecture"), "llama");
  for (const auto& [key, value] : expected["gguf"]["integers"].items())
    EXPECT_EQ(file->require_integer(key), value.get<std::int64_t>()) << key;
  for (const auto& [key, value] : expected["gguf"]["numbers"].items())
    EXPECT_NEAR(file->require_number(key), value.get<double>(), 1e-7) << key;
  EXPECT_EQ(file->require_strings("tokenizer.ggml.tokens"),
            expected["gguf"]["tokens"].get<std::vector<std::string>>());
  ASSERT_EQ(file->tensors().size(), expected["gguf"]["tensors"].size());
  for (const auto& [name, entry] : expected["gguf"]["tensors"].items()) {
    const Tensor tensor = file->tensor(name);
    const auto extents = tensor.shape().extents();
    EXPECT_EQ(std::vector<std::int64_t>(extents.begin(), extents.end()),
              entry["shape"].get<std::vector<std::int64_t>>())
        << name;
    EXPECT_EQ(info(tensor.dtype()).name, entry["dtype"].get<std::string>()) << name;
    const auto values = tensor.values();
    const auto& wanted = entry["values"];
    ASSERT_EQ(values.size(), wanted.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], wanted[i].get<double>(), 1e-6) << name << " " << i;
  }
}

}  // namespace
}  // namespace bantam
