#include "bantam/model/safetensors.h"

#include <numeric>

#include "bantam/base/json.h"
#include "bantam/tensor/quant/quantize.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_of(std::string_view header, std::string_view data = "") {
  return FileBytes().u64(header.size()).raw(header).raw(data).text();
}

std::string refusal(const std::string& file) {
  return error_of([&] { parse_safetensors(as_bytes(file), "m.safetensors"); });
}

const std::string kTwoTensors = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                R"("b":{"dtype":"I32","shape":[1],"data_offsets":[8,12]}})";

TEST(SafetensorsParse, ReadsNamesShapesAndPlaces) {
  const std::string file = file_of(kTwoTensors + "   ", std::string(12, '\0'));
  const auto header = parse_safetensors(as_bytes(file), "m");
  ASSERT_EQ(header.tensors.size(), 2u);
  EXPECT_EQ(header.tensors[1].name, "b");
  EXPECT_EQ(header.tensors[1].offset, file.size() - 4);
}

TEST(SafetensorsParse, EveryTruncationIsRefused) {
  const std::string file = file_of(kTwoTensors, std::string(12, '\0'));
  for (std::size_t length = 0; length < file.size(); ++length) {
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_THAT(error_of([&] {
                  parse_safetensors(as_bytes({cut.data(), cut.size()}), "m.safetensors");
                }),
                AllOf(HasSubstr("m.safetensors: "), HasSubstr("bytes")));
  }
}

TEST(SafetensorsParse, ALengthPastTheEndNamesLengthAndLimit) {
  EXPECT_THAT(refusal(FileBytes().u64(1 << 20).raw("{}").text()),
              AllOf(HasSubstr("1048576"), HasSubstr("2 are left"), HasSubstr("100000000")));
  EXPECT_THAT(refusal("PK\x03\x04" + std::string(40, '\0') + "rest"), HasSubstr("zip"));
}

TEST(SafetensorsParse, TheHeaderIsOneJsonObject) {
  EXPECT_THAT(refusal(file_of("[1]")), AllOf(HasSubstr("byte 8"), HasSubstr("'['")));
  EXPECT_THAT(refusal(file_of("{} {}")), HasSubstr("column 4"));
  EXPECT_THAT(refusal(file_of("{\"a\xff\":1}")), HasSubstr("column"));
  EXPECT_THAT(refusal(file_of("{\"a\":" + std::string(100000, '['))), HasSubstr("16"));
  EXPECT_THAT(refusal(file_of("")), HasSubstr("nothing"));
}

TEST(SafetensorsParse, DataIsTiledExactly) {
  const auto two = [](std::string_view first, std::string_view second, std::size_t size) {
    return refusal(file_of(fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":{}}},)"
                                       R"("b":{{"dtype":"U8","shape":[4],"data_offsets":{}}}}})",
                                       first, second),
                           std::string(size, '\0')));
  };
  EXPECT_THAT(two("[0,4]", "[2,6]", 6),
              AllOf(HasSubstr("overlap"), HasSubstr("'a'"), HasSubstr("'b'"), HasSubstr("2 to 6")));
  EXPECT_THAT(two("[0,4]", "[5,9]", 9), AllOf(HasSubstr("gap"), HasSubstr("5 to 9")));
  EXPECT_THAT(two("[0,4]", "[8,4]", 9), HasSubstr("begins at 8 after its end at 4"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 9), HasSubstr("1 bytes follow the last tensor, 'b'"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 6), HasSubstr("2 bytes are missing"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                              R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})")),
              AllOf(HasSubstr("'a' appears twice")));
}

TEST(SafetensorsParse, ShapesMatchTheirBytes) {
  const auto one = [](std::string_view dtype, std::string_view shape, std::string_view range) {
    return refusal(file_of(
        fmt::format(R"({{"w":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, range),
        std::string(8, '\0')));
  };
  EXPECT_THAT(one("\"F32\"", "[3]", "[0,8]"),
              AllOf(HasSubstr("'w'"), HasSubstr("takes 12 bytes"), HasSubstr("hold 8")));
  EXPECT_THAT(one("\"F32\"", "[4294967296,4294967296]", "[0,8]"), HasSubstr("does not fit"));
  EXPECT_THAT(one("\"F32\"", "[4611686018427387904]", "[0,8]"), HasSubstr("does not fit"));
  EXPECT_THAT(one("\"F4\"", "[2]", "[0,8]"),
              AllOf(HasSubstr("unknown dtype 'F4'"), HasSubstr("BF16")));
  EXPECT_THAT(one("\"F32\"", "[-2]", "[0,8]"), HasSubstr("whole numbers"));
  EXPECT_THAT(one("\"F32\"", "[2.0]", "[0,8]"), HasSubstr("whole numbers"));
  EXPECT_THAT(one("\"F32\"", "[2]", "[0]"), HasSubstr("[begin, end]"));
  EXPECT_THAT(one("7", "[2]", "[0,8]"), HasSubstr("unknown dtype number"));
}

TEST(Safetensors, WhatIsWrittenIsReadBack) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.safetensors";
  std::vector<float> values(6);
  std::iota(values.begin(), values.end(), 0.25f);
  const Tensor f32 = Tensor::from(values, {2, 3});
  const std::vector<std::pair<std::string, Tensor>> tensors = {
      {"f32", f32},
      {"bf16", quantize(f32, DType::bf16)},
      {"f16", quantize(f32, DType::f16)},
      {"f64", Tensor::full({3}, 0.1, DType::f64)},
      {"i32", Tensor::full({2, 2}, -7, DType::i32)},
      {"none", Tensor::empty({0})},
      {"one", Tensor::scalar(4)}};
  write_safetensors(path, tensors, {{"step", "12"}});
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file->metadata().at("step"), "12");
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(file->tensor(name).dtype(), tensor.dtype());
    EXPECT_EQ(file->tensor(name).shape(), tensor.shape());
    EXPECT_EQ(file->tensor(name).values(), tensor.values()) << name;
  }
  EXPECT_THAT(error_of([&] { file->tensor("f23"); }), HasSubstr("nearest: f32"));
}

TEST(Safetensors, BlockTypesAndRepeatedNamesAreNotWritten) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.safetensors";
  const std::vector<std::pair<std::string, Tensor>> blocks = {
      {"w", quantize(Tensor::zeros({32}), DType::q8_0)}};
  EXPECT_THAT(error_of([&] { write_safetensors(path, blocks); }), HasSubstr("q8_0"));
  const std::vector<std::pair<std::string, Tensor>> twice = {{"w", Tensor::zeros({1})},
                                                             {"w", Tensor::zeros({1})}};
  EXPECT_THAT(error_of([&] { write_safetensors(path, twice); }), HasSubstr("twice"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Safetensors, TensorsAreMadeWhenTheyAreDue) {
  TemporaryFolder folder;
  const Path path = folder.path() / "m.safetensors";
  std::vector<std::string> made;
  const auto entry = [&](const std::string& name, std::int64_t found) {
    return SafetensorsEntry{name, Shape({2}), DType::f32, [&made, name, found] {
                              made.push_back(name);
                              return Tensor::full({found}, 3);
                            }};
  };
  write_safetensors(path, std::vector{entry("a", 2), entry("b", 2)});
  EXPECT_EQ(made, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(SafetensorsFile::open(path)->tensor("b").values(), (std::vector<double>{3, 3}));

  const Path other = folder.path() / "other.safetensors";
  EXPECT_THAT(error_of(
                  [&] {
                    write_safetensors(other, std::vector{entry("a", 2), entry("b", 3)});
                  },
                  Error::Kind::internal),
              AllOf(HasSubstr("'b'"), HasSubstr("announced 8 bytes, made 12")));
  EXPECT_FALSE(std::filesystem::exists(other));
}

TEST(Safetensors, UnalignedDataIsCopied) {
  TemporaryFolder folder;
  std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.append((5 - header.size() % 4) % 4 + 1, ' ');
  const float values[] = {1.5f, -2.0f};
  const Path path = folder.write(
      "m.safetensors", file_of(header, {reinterpret_cast<const char*>(values), sizeof(values)}));
  EXPECT_THAT(SafetensorsFile::open(path)->tensor("a").values(), ElementsAre(1.5, -2.0));
}

TEST(Safetensors, WideIntegersMustFit32Bits) {
  TemporaryFolder folder;
  const std::string header = R"({"ok":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                             R"("big":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}})";
  const Path path = folder.write(
      "m.safetensors",
      file_of(header, FileBytes().number<std::int64_t>(-3).number(std::int64_t{1} << 40).text()));
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file->tensor("ok").item(), -3);
  EXPECT_THAT(error_of([&] { file->tensor("big"); }),
              AllOf(HasSubstr("'big'"), HasSubstr("1099511627776")));
}

TEST(Safetensors, ReadsWhatThePythonPackageWrote) {
  const Path golden = Path(BANTAM_SOURCE_DIR) / "tests/golden/model_files";
  const Json expected = parse_json(read_file(golden / "expected.json"));
  const auto file = SafetensorsFile::open(golden / "small.safetensors");
  EXPECT_EQ(file->metadata().at("format"), "pt");
  for (const auto& [name, entry] : expected["safetensors"].items()) {
    const Tensor tensor = file->tensor(name);
    EXPECT_EQ(info(tensor.dtype()).name, entry["dtype"].get<std::string>()) << name;
    EXPECT_EQ(tensor.values(), entry["values"].get<std::vector<double>>()) << name;
  }
}

class Shards : public ::testing::Test {
 protected:
  void write(std::uint64_t limit) {
    for (int i = 0; i < 5; ++i) tensors_.emplace_back(fmt::format("w{}", i), Tensor::full({4}, i));
    paths_ = write_safetensors_folder(folder_.path(), tensors_, limit);
  }
  void write_index(std::string_view map) {
    folder_.write("model.safetensors.index.json", fmt::format(R"({{"weight_map":{}}})", map));
  }
  std::string refusal(Error::Kind kind = Error::Kind::input) {
    return error_of([&] { SafetensorsFolder::open(folder_.path()); }, kind);
  }
  TemporaryFolder folder_;
  std::vector<std::pair<std::string, Tensor>> tensors_;
  std::vector<Path> paths_;
};

TEST_F(Shards, LargeFoldersAreSplitAndReadBack) {
  write(32);
  EXPECT_EQ(paths_.size(), 4u);  // 2 + 2 + 1 tensors of 16 bytes, and the index
  const auto folder = SafetensorsFolder::open(folder_.path());
  EXPECT_EQ(folder->weights().size(), 5u);
  EXPECT_THAT(folder->tensor("w4").values(), ElementsAre(4, 4, 4, 4));
}

TEST_F(Shards, SmallFoldersAreOneFile) {
  write(1000);
  EXPECT_THAT(paths_, ElementsAre(folder_.path() / "model.safetensors"));
  EXPECT_EQ(SafetensorsFolder::open(folder_.path())->weights().size(), 5u);
}

TEST_F(Shards, AShortShardNamesTheMissingBytes) {
  write(32);
  std::filesystem::resize_file(paths_[1], std::filesystem::file_size(paths_[1]) - 5);
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("model-00002-of-00003"), HasSubstr("5 bytes are missing")));
  std::filesystem::remove(paths_[1]);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("model-00002-of-00003"), HasSubstr("missing")));
}

TEST_F(Shards, AnIndexNamesOnlyFilesOfItsFolder) {
  for (const std::string name :
       {"../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..\\\\x.safetensors",
        "pytorch_model.bin", ".x.safetensors", ""}) {
    write_index(fmt::format(R"({{"w":"{}"}})", name));
    EXPECT_THAT(refusal(Error::Kind::refused), HasSubstr("'w'")) << name;
  }
}

TEST_F(Shards, ALinkOutOfTheFolderIsRefused) {
  write(32);
  const Path elsewhere = Path(folder_.path().string() + "-elsewhere.safetensors");
  std::filesystem::rename(paths_[0], elsewhere);
  std::filesystem::create_symlink(elsewhere, paths_[0]);
  EXPECT_THAT(refusal(Error::Kind::refused), HasSubstr("outside the folder"));
  std::filesystem::remove(elsewhere);
}

TEST_F(Shards, LinksIntoTheBlobsOfTheHubsCacheAreRead) {
  write(32);
  const Path model = folder_.path() / "models--a--b";
  std::filesystem::create_directories(model / "blobs");
  std::filesystem::create_directories(model / "snapshots/123");
  for (const Path& path : paths_) {
    std::filesystem::rename(path, model / "blobs" / path.filename());
    std::filesystem::create_symlink(Path("../../blobs") / path.filename(),
                                    model / "snapshots/123" / path.filename());
  }
  EXPECT_EQ(SafetensorsFolder::open(model / "snapshots/123")->weights().size(), 5u);
}

TEST_F(Shards, EveryTensorIsInExactlyTheShardOfTheIndex) {
  write(32);
  write_index(R"({"w0":"model-00001-of-00003.safetensors","w1":"model-00001-of-00003.safetensors",)"
              R"("w2":"model-00002-of-00003.safetensors","w3":"model-00001-of-00003.safetensors",)"
              R"("w4":"model-00003-of-00003.safetensors"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'w3'"), HasSubstr("model-00001-of-00003")));
  const std::vector<std::pair<std::string, Tensor>> again = {{"w2", Tensor::zeros({1})},
                                                             {"w0", Tensor::zeros({1})}};
  write_safetensors(paths_[1], again);
  write_index(R"({"w0":"model-00001-of-00003.safetensors","w1":"model-00001-of-00003.safetensors",)"
              R"("w2":"model-00002-of-00003.safetensors"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'w0'"), HasSubstr("model-00001-of-00003"),
                               HasSubstr("model-00002-of-00003")));
}

TEST_F(Shards, APickledCheckpointIsNotOpened) {
  folder_.write("pytorch_model.bin", "PK\x03\x04");
  EXPECT_THAT(refusal(), HasSubstr("pickle can run code"));
  EXPECT_THAT(error_of([&] { open_weights(folder_.path() / "pytorch_model.bin"); }),
              HasSubstr("pickle can run code"));
}

TEST_F(Shards, AnEmptyFolderSaysWhatWasExpected) {
  EXPECT_THAT(refusal(), HasSubstr("model.safetensors.index.json"));
}

}  // namespace
}  // namespace bantam
