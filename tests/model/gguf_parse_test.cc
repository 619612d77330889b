// What hostile GGUF files meet (docs: G1 to G13). Each file is valid but for one thing.
#include <chrono>
#include <functional>

#include "bantam/model/gguf.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint32_t kF32 = 0, kQ4_0 = 2;

FileBytes start(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
  return FileBytes().raw("GGUF").u32(version).u64(tensors).u64(keys);
}

FileBytes& tensor(FileBytes& file, std::string_view name, std::vector<std::uint64_t> extents,
                  std::uint32_t type, std::uint64_t offset) {
  file.string(name).u32(static_cast<std::uint32_t>(extents.size()));
  for (const std::uint64_t extent : extents) file.u64(extent);
  return file.u32(type).u64(offset);
}

std::string small_file() {
  FileBytes file = start(2, 4);
  file.string("general.architecture").u32(8).string("llama");
  file.string("general.alignment").u32(4).u32(32);
  file.string("scores").u32(9).u32(6).u64(3).number(1.5f).number(-2.0f).number(0.0f);
  file.string("tokens").u32(9).u32(8).u64(2).string("a").string("Ġb");
  tensor(file, "embed", {2, 3}, kF32, 0);
  tensor(file, "norm", {32}, kQ4_0, 32);
  file.pad_to(32);
  for (int i = 0; i < 6; ++i) file.number(static_cast<float>(i));
  file.pad_to(32);
  file.raw(std::string(18, '\0'));
  return file.text();
}

std::string refusal(const std::string& file) {
  return error_of([&] { parse_gguf(as_bytes(file), "m.gguf"); });
}

TEST(GgufParse, ReadsMetadataAndTensorsWithRowMajorShapes) {
  const std::string file = small_file();
  const GgufHeader header = parse_gguf(as_bytes(file), "m.gguf");
  ASSERT_EQ(header.metadata.size(), 4u);
  EXPECT_EQ(std::get<std::string>(header.metadata[0].second), "llama");
  EXPECT_EQ(type_text(header.metadata[2].second), "array of 3 f32");
  EXPECT_EQ(value_text(header.metadata[2].second), "[1.5, -2, 0]");
  EXPECT_EQ(value_text(header.metadata[3].second), "[\"a\", \"Ġb\"]");
  ASSERT_EQ(header.tensors.size(), 2u);
  EXPECT_EQ(header.tensors[0].shape, Shape({3, 2}));
  EXPECT_EQ(header.tensors[1].bytes, 18u);
  EXPECT_EQ(header.tensors[1].offset, header.data_offset + 32);
}

TEST(GgufParse, EveryTruncationIsRefusedNamingTheOffset) {
  const std::string file = small_file();
  for (std::size_t length = 4; length < file.size(); ++length) {
    // A copy on the heap of exactly this length, so that the sanitizer sees a read past its end.
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    const std::string message = error_of([&] {
      parse_gguf(as_bytes({cut.data(), cut.size()}), "m.gguf");
    });
    EXPECT_THAT(message, AllOf(HasSubstr("m.gguf: "), HasSubstr("byte"))) << length;
  }
}

TEST(GgufParse, TextsThatAreLeftOutAreCheckedAllTheSame) {
  const std::string file = small_file();
  const GgufHeader header = parse_gguf(as_bytes(file), "m.gguf", GgufTexts::left_out);
  ASSERT_EQ(header.metadata.size(), 4u);
  EXPECT_EQ(value_text(header.metadata[2].second), "[1.5, -2, 0]");
  EXPECT_EQ(type_text(header.metadata[3].second), "array of 0 string");
  EXPECT_EQ(header.tensors[1].offset, header.data_offset + 32);
  const std::string cut = file.substr(0, file.find("Ġb") + 1);
  EXPECT_THAT(error_of([&] { parse_gguf(as_bytes(cut), "m.gguf", GgufTexts::left_out); }),
              HasSubstr("byte"));
}

TEST(GgufParse, TruncationInsideAKeyNamesFieldAndKey) {
  FileBytes file = start(0, 2);
  file.string("general.name").u32(8).string("x");
  file.string("context").u32(4).raw("\1");
  EXPECT_THAT(refusal(file.text()),
              AllOf(HasSubstr("while reading the value of key 2 of 2 ('context')")));
}

TEST(GgufParse, WrongMagicSaysWhatTheFileIs) {
  EXPECT_THAT(refusal("PK\x03\x04rest"), AllOf(HasSubstr("50 4b 03 04"), HasSubstr("zip")));
  EXPECT_THAT(refusal("\x80\x02}q"), HasSubstr("pickle"));
  EXPECT_THAT(refusal("<!DOCTYPE html>"), HasSubstr("HTML"));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1"), HasSubstr("Git LFS"));
  EXPECT_THAT(refusal(""), HasSubstr("empty file"));
  EXPECT_THAT(refusal("abcd"), HasSubstr("found 61 62 63 64"));
}

TEST(GgufParse, OtherVersionsNameTheSupportedOnes) {
  for (const std::uint32_t version : {0u, 1u, 4u}) {
    EXPECT_THAT(refusal(start(0, 0, version).text()),
                AllOf(HasSubstr("version " + std::to_string(version)), HasSubstr("2 or 3")));
  }
  EXPECT_THAT(refusal(start(0, 0, 0x03000000).text()), HasSubstr("big-endian"));
  EXPECT_EQ(parse_gguf(as_bytes(start(0, 0, 2).text()), "m").tensors.size(), 0u);
}

TEST(GgufParse, HugeCountsAreRefusedAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  for (const std::uint64_t count : {std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    EXPECT_THAT(refusal(start(count, 0).text()),
                AllOf(HasSubstr(std::to_string(count)), HasSubstr("65536")));
    EXPECT_THAT(refusal(start(0, count).text()), HasSubstr(std::to_string(count)));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

TEST(GgufParse, StringsLongerThanTheFileNameKeyAndLengths) {
  FileBytes value = start(0, 1);
  value.string("general.name").u32(8).u64(std::uint64_t{1} << 63).raw("abc");
  EXPECT_THAT(refusal(value.text()),
              AllOf(HasSubstr("key 1 of 1"), HasSubstr("9223372036854775808"),
                    HasSubstr("3 bytes are left")));
  FileBytes empty_key = start(0, 1);
  empty_key.string("").u32(0).raw("1");
  EXPECT_THAT(refusal(empty_key.text()), HasSubstr("key 1 of 1 is empty"));
  FileBytes long_key = start(0, 1);
  long_key.string(std::string(65536, 'k')).u32(0).raw("1");
  EXPECT_THAT(refusal(long_key.text()), HasSubstr("65536"));
}

TEST(GgufParse, BadArraysNameKeyTypeAndCount) {
  const auto with_array = [](std::uint32_t type, std::uint64_t count) {
    return start(0, 1).string("k").u32(9).u32(type).u64(count).raw("12345678").text();
  };
  EXPECT_THAT(refusal(with_array(12, std::uint64_t{1} << 61)),
              AllOf(HasSubstr("'k'"), HasSubstr("f64"), HasSubstr("2305843009213693952")));
  EXPECT_THAT(refusal(with_array(12, 1000)), AllOf(HasSubstr("'k'"), HasSubstr("1000")));
  EXPECT_THAT(refusal(with_array(8, 1 << 20)), AllOf(HasSubstr("'k'"), HasSubstr("1048576")));
  EXPECT_THAT(refusal(with_array(77, 1)), AllOf(HasSubstr("'k'"), HasSubstr("unknown type 77")));
  EXPECT_THAT(refusal(with_array(9, 1)), AllOf(HasSubstr("'k'"), HasSubstr("array")));
  EXPECT_THAT(refusal(start(0, 1).string("k").u32(13).raw("1").text()), HasSubstr("type 13"));
}

TEST(GgufParse, AlignmentIsAPowerOfTwoAndAU32) {
  const auto with_alignment = [](std::uint32_t type, std::uint32_t value) {
    return start(0, 1).string("general.alignment").u32(type).u32(value).text();
  };
  for (const std::uint32_t value : {0u, 13u, 1u << 31}) {
    EXPECT_THAT(refusal(with_alignment(4, value)),
                AllOf(HasSubstr(std::to_string(value)), HasSubstr("power of two")));
  }
  EXPECT_THAT(refusal(with_alignment(5, 32)), HasSubstr("expected u32, found i32"));
}

TEST(GgufParse, DuplicatesNameBothPositions) {
  FileBytes keys = start(0, 3);
  keys.string("a").u32(0).raw("1").string("b").u32(0).raw("1").string("a").u32(0).raw("1");
  EXPECT_THAT(refusal(keys.text()), AllOf(HasSubstr("'a'"), HasSubstr("1 and 3")));
  FileBytes tensors = start(2, 0);
  tensor(tensors, "w", {1}, kF32, 0);
  tensor(tensors, "w", {1}, kF32, 32);
  EXPECT_THAT(refusal(tensors.text()), AllOf(HasSubstr("'w'"), HasSubstr("1 and 2")));
}

TEST(GgufParse, TensorNamesAreShortAndPrintable) {
  FileBytes file = start(1, 0);
  tensor(file, "a\x1b[31m", {1}, kF32, 0);
  EXPECT_THAT(refusal(file.text()), HasSubstr("\\x1b"));
  FileBytes too_long = start(1, 0);
  tensor(too_long, std::string(65, 'n'), {1}, kF32, 0);
  EXPECT_THAT(refusal(too_long.text()), HasSubstr("65"));
}

TEST(GgufParse, DimensionsOutOfRangeNameTensorAndDimensions) {
  FileBytes five = start(1, 0);
  tensor(five, "w", {1, 1, 1, 1, 1}, kF32, 0);
  EXPECT_THAT(refusal(five.text()), AllOf(HasSubstr("'w'"), HasSubstr("5 dimensions")));
  FileBytes many = start(1, 0);
  many.string("w").u32(0xffffffff);
  EXPECT_THAT(refusal(many.text()), HasSubstr("4294967295"));
  FileBytes negative = start(1, 0);
  tensor(negative, "w", {4, static_cast<std::uint64_t>(-3)}, kF32, 0);
  EXPECT_THAT(refusal(negative.text()), HasSubstr("negative dimension: 4 x -3"));
}

TEST(GgufParse, ADimensionOfZeroIsAnEmptyTensor) {
  FileBytes file = start(1, 0);
  tensor(file, "w", {0, 3}, kF32, 0);
  const GgufHeader header = parse_gguf(as_bytes(file.text()), "m");
  EXPECT_EQ(header.tensors[0].shape, Shape({3, 0}));
  EXPECT_EQ(header.tensors[0].bytes, 0u);
}

TEST(GgufParse, SizesThatWrapDoNotFit) {
  FileBytes product = start(1, 0);
  tensor(product, "w", {std::uint64_t{1} << 32, std::uint64_t{1} << 32}, kF32, 0);
  EXPECT_THAT(refusal(product.text()), AllOf(HasSubstr("does not fit"), HasSubstr("'w'")));
  FileBytes bytes = start(1, 0);
  tensor(bytes, "w", {std::uint64_t{1} << 62}, kF32, 0);
  EXPECT_THAT(refusal(bytes.text()), AllOf(HasSubstr("does not fit"), HasSubstr("'w'")));
  FileBytes sum = start(1, 0);
  tensor(sum, "w", {8}, kF32, ~std::uint64_t{31});
  EXPECT_THAT(refusal(sum.text()), AllOf(HasSubstr("does not fit"), HasSubstr("'w'")));
}

TEST(GgufParse, UnknownTypesAndPartialBlocksNameTheType) {
  FileBytes unknown = start(1, 0);
  tensor(unknown, "w", {32}, 77, 0);
  EXPECT_THAT(refusal(unknown.text()), AllOf(HasSubstr("type 77"), HasSubstr("q4_0")));
  FileBytes foreign = start(1, 0);
  tensor(foreign, "w", {256}, 9, 0);
  EXPECT_THAT(refusal(foreign.text()), HasSubstr("q8_1"));
  FileBytes partial = start(1, 0);
  tensor(partial, "w", {33, 2}, kQ4_0, 0);
  EXPECT_THAT(refusal(partial.text()),
              AllOf(HasSubstr("type 2"), HasSubstr("blocks of 32"), HasSubstr("33")));
  for (const DTypeInfo& type : all_dtypes()) {
    if (type.block_elements == 1) continue;
    FileBytes ragged = start(1, 0);
    tensor(ragged, "w", {static_cast<std::uint64_t>(type.block_elements) + 16, 2}, type.ggml_type,
           0);
    EXPECT_THAT(refusal(ragged.text()),
                AllOf(HasSubstr(std::string(type.name)),
                      HasSubstr(fmt::format("blocks of {}", type.block_elements)),
                      HasSubstr(fmt::format("{}", type.block_elements + 16))));
  }
}

TEST(GgufParse, OffsetsAreAlignedInsideAndApart) {
  const auto with_offsets = [](std::uint64_t first, std::uint64_t second) {
    FileBytes file = start(2, 0);
    tensor(file, "v", {8}, kF32, first);
    tensor(file, "w", {16}, kF32, second);
    return file.pad_to(32).raw(std::string(128, '\0')).text();
  };
  EXPECT_EQ(parse_gguf(as_bytes(with_offsets(64, 0)), "m").tensors.size(), 2u);
  EXPECT_THAT(refusal(with_offsets(0, 33)), AllOf(HasSubstr("'w'"), HasSubstr("multiple")));
  EXPECT_THAT(refusal(with_offsets(0, 96)), AllOf(HasSubstr("'w'"), HasSubstr("ends at byte")));
  EXPECT_THAT(refusal(with_offsets(32, 0)),
              AllOf(HasSubstr("'v'"), HasSubstr("'w'"), HasSubstr("overlap")));
}

}  // namespace
}  // namespace bantam
