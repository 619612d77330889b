// Element types of GGUF against ggml (golden files by tools/golden/quant_types.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/base/random.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/quant/q4_0.h"
#include "bantam/tensor/quant/q4_1.h"
#include "bantam/tensor/quant/q4_k.h"
#include "bantam/tensor/quant/q5_0.h"
#include "bantam/tensor/quant/q5_1.h"
#include "bantam/tensor/quant/q6_k.h"
#include "bantam/tensor/quant/q8_0.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

using testing::HasSubstr;

struct Golden {
  std::vector<std::byte> blocks;
  std::vector<float> decoded;
  int first_bad = -1;
  std::vector<float> values;
  std::vector<std::byte> encoded;
};

std::size_t bytes_of(DType dtype, std::size_t count) {
  return count / info(dtype).block_elements * info(dtype).block_bytes;
}

Golden load(DType dtype) {
  const std::string path = std::string(BANTAM_SOURCE_DIR "/tests/golden/tensor/quant_") +
                           std::string(info(dtype).name) + ".bin";
  std::ifstream file(path, std::ios::binary);
  std::int32_t decoded = 0, encoded = 0, first_bad = 0;
  const auto read = [&](auto* into, std::size_t count) {
    file.read(reinterpret_cast<char*>(into), static_cast<std::streamsize>(count * sizeof *into));
  };
  read(&decoded, 1);
  read(&encoded, 1);
  read(&first_bad, 1);
  Golden golden;
  golden.first_bad = first_bad;
  golden.blocks.resize(bytes_of(dtype, decoded));
  golden.decoded.resize(decoded);
  golden.values.resize(encoded);
  golden.encoded.resize(bytes_of(dtype, encoded));
  read(golden.blocks.data(), golden.blocks.size());
  read(golden.decoded.data(), golden.decoded.size());
  read(golden.values.data(), golden.values.size());
  read(golden.encoded.data(), golden.encoded.size());
  EXPECT_TRUE(file.good()) << path;
  return golden;
}

// The same bits, but any NaN for a NaN: processors differ in its sign and payload.
bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::memcmp(&x, &y, sizeof x) == 0 || (std::isnan(x) && std::isnan(y));
  });
}

std::vector<float> decoded(DType dtype, std::span<const std::byte> blocks) {
  const DTypeInfo& type = info(dtype);
  std::vector<float> out(blocks.size() / type.block_bytes * type.block_elements);
  dequantize_row(dtype, blocks.data(), static_cast<std::int64_t>(out.size()), out.data());
  return out;
}

std::vector<std::byte> encoded(DType dtype, std::span<const float> values) {
  std::vector<std::byte> blocks(bytes_of(dtype, values.size()));
  quantize_row(dtype, values.data(), static_cast<std::int64_t>(values.size()), blocks.data());
  return blocks;
}

// The numbers of the script's sweep.
std::uint64_t word_at(std::uint64_t i) {
  std::uint64_t z = (i + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

std::vector<std::byte> swept_bytes(std::size_t size) {
  std::vector<std::byte> bytes((size + 7) / 8 * 8);
  for (std::size_t i = 0; i < bytes.size() / 8; ++i) {
    const std::uint64_t word = word_at(i);
    std::memcpy(bytes.data() + 8 * i, &word, sizeof word);
  }
  bytes.resize(size);
  return bytes;
}

std::vector<float> swept_values(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float unit = static_cast<float>(word_at(i) >> 40) / (1 << 23) - 1;
    values[i] = std::ldexp(1.0f, static_cast<int>(word_at(i / 64 * 64) & 15) - 12) * unit;
  }
  return values;
}

template <class T>
std::string digest(const std::vector<T>& data) {
  return sha256({reinterpret_cast<const std::byte*>(data.data()), data.size() * sizeof(T)});
}

class ElementType : public testing::TestWithParam<DType> {
 protected:
  static constexpr std::size_t kSweptElements = std::size_t{1} << 20;

  static Json sweep() {
    std::ifstream file(BANTAM_SOURCE_DIR "/tests/golden/tensor/quant_sweep.json");
    std::ostringstream text;
    text << file.rdbuf();
    return parse_json(text.str()).at(std::string(info(GetParam()).name));
  }
};
class EncodedType : public ElementType {};
// Types that quantize() makes, by the error that it leaves.
class QuantFormat : public ElementType {};
class BlockFormat : public ElementType {};

TEST_P(ElementType, FindsTheFirstBlockThatTheReferenceRefuses) {
  const Golden golden = load(GetParam());
  const auto count = static_cast<std::int64_t>(golden.decoded.size());
  EXPECT_EQ(first_bad_block(GetParam(), golden.blocks.data(), count), golden.first_bad);
}

TEST_P(ElementType, FindsTheFirstOfManyBlocksInALargeWeight) {
  const Golden golden = load(GetParam());
  if (golden.first_bad < 0) GTEST_SKIP() << "every block of this type is a number";
  const DTypeInfo& type = info(GetParam());
  const auto size = static_cast<std::size_t>(type.block_bytes);
  const std::int64_t count = std::int64_t{1} << 20, blocks = count / type.block_elements;
  std::vector<std::byte> bytes(bytes_of(GetParam(), static_cast<std::size_t>(count)));
  const std::byte* bad = golden.blocks.data() + static_cast<std::size_t>(golden.first_bad) * size;
  for (const std::int64_t place : {blocks - 1, blocks * 2 / 3, blocks / 3}) {
    std::copy_n(bad, size, bytes.begin() + static_cast<std::ptrdiff_t>(place) * type.block_bytes);
    EXPECT_EQ(first_bad_block(GetParam(), bytes.data(), count), place);
  }
}

// With the instructions of each generation of CPUs that this one has.
TEST_P(ElementType, DecodesToTheBitsOfTheReference) {
  const Golden golden = load(GetParam());
  const Json swept = sweep();
  const auto bytes =
      swept_bytes(swept.at("blocks").get<std::size_t>() * info(GetParam()).block_bytes);
  for (const std::int64_t target : {HWY_EMU128, HWY_AVX2, HWY_AVX3, HWY_AVX3_DL}) {
    if ((hwy::SupportedTargets() & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    EXPECT_TRUE(same_bits(decoded(GetParam(), golden.blocks), golden.decoded))
        << hwy::TargetName(target);
    std::vector<float> all = decoded(GetParam(), bytes);
    for (float& value : all) {
      if (std::isnan(value)) value = std::numeric_limits<float>::quiet_NaN();
    }
    EXPECT_EQ(digest(all), swept.at("decoded").get<std::string>()) << hwy::TargetName(target);
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}

TEST_P(EncodedType, EncodesToTheBytesOfTheReference) {
  const Golden golden = load(GetParam());
  EXPECT_EQ(encoded(GetParam(), golden.values), golden.encoded);
  EXPECT_EQ(digest(encoded(GetParam(), swept_values(kSweptElements))),
            sweep().at("encoded").get<std::string>());
}

TEST_P(QuantFormat, RoundTripStaysWithinTheErrorOfItsBits) {
  // The input and limits of llama.cpp's test-quantize-fns: cosines, root mean square error divided
  // by the length.
  constexpr int kCount = 4096;
  std::vector<float> x(kCount);
  for (int i = 0; i < kCount; ++i) x[i] = 0.1f + 2 * std::cos(static_cast<float>(i));
  const Tensor decoded =
      dequantize(quantize(Tensor::from(std::span<const float>(x), {kCount}), GetParam()));
  double sum = 0;
  for (int i = 0; i < kCount; ++i) {
    const double difference = x[i] - decoded.data<float>()[i];
    sum += difference * difference;
  }
  const double bits = info(GetParam()).bits_per_element();
  EXPECT_LE(std::sqrt(sum) / kCount, bits < 3 ? 0.0075 : bits < 4 ? 0.004 : 0.002);
}

TEST_P(QuantFormat, NormalWeightsLoseLittle) {
  // Relative error for normal values; a broken search for scales shows here first.
  constexpr int kCount = 8192;
  const RandomStream random(3, "weights");
  std::vector<float> x(kCount);
  for (int i = 0; i < kCount; ++i) x[i] = static_cast<float>(random.normal_at(i)) * 0.02f;
  const Tensor decoded =
      dequantize(quantize(Tensor::from(std::span<const float>(x), {kCount}), GetParam()));
  double error = 0, norm = 0;
  for (int i = 0; i < kCount; ++i) {
    error += std::pow(x[i] - decoded.data<float>()[i], 2);
    norm += std::pow(x[i], 2);
  }
  const double bits = info(GetParam()).bits_per_element();
  EXPECT_LE(std::sqrt(error / norm), bits < 3     ? 0.33
                                     : bits < 4   ? 0.18
                                     : bits < 5   ? 0.09
                                     : bits < 5.3 ? 0.085
                                     : bits < 6.5 ? 0.045
                                                  : 0.02);
}

TEST_P(QuantFormat, NotANumberIsEncodedWithoutUndefinedBehavior) {
  std::vector<float> x(256, std::numeric_limits<float>::quiet_NaN());
  x[3] = std::numeric_limits<float>::infinity();
  std::vector<std::byte> blocks(256 * 4);
  quantize_row(GetParam(), x.data(), 256, blocks.data());
  const std::vector<float> ones(256, 1.0f);
  std::vector<std::byte> good(256 * 4);
  quantize_row(GetParam(), ones.data(), 256, good.data());
  EXPECT_NE(blocks, good);
}

TEST_P(BlockFormat, TakesRowsOfWholeBlocksOnly) {
  const int block = info(GetParam()).block_elements;
  try {
    quantize(Tensor::zeros({2, block + 1}), GetParam());
    FAIL() << "a ragged row was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), HasSubstr(std::string(info(GetParam()).name)));
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(block)));
  }
}

std::string type_name(const testing::TestParamInfo<DType>& test) {
  return std::string(info(test.param).name);
}

std::vector<DType> types_that(bool (*are_wanted)(const DTypeInfo&)) {
  std::vector<DType> wanted;
  for (const DTypeInfo& type : all_dtypes()) {
    if (are_wanted(type)) wanted.push_back(type.dtype);
  }
  return wanted;
}

// ggml converts all types but wide floats and integers.
bool is_converted(const DTypeInfo& type) {
  return type.is_quantized || type.dtype == DType::f16 || type.dtype == DType::bf16;
}

INSTANTIATE_TEST_SUITE_P(All, ElementType, testing::ValuesIn(types_that(is_converted)), type_name);
INSTANTIATE_TEST_SUITE_P(All, EncodedType, testing::ValuesIn(types_that([](const DTypeInfo& type) {
                           return is_converted(type) && can_quantize_to(type.dtype);
                         })),
                         type_name);
INSTANTIATE_TEST_SUITE_P(All, QuantFormat, testing::ValuesIn(types_that([](const DTypeInfo& type) {
                           return is_converted(type) && can_quantize_to(type.dtype);
                         })),
                         type_name);
INSTANTIATE_TEST_SUITE_P(All, BlockFormat, testing::ValuesIn(types_that([](const DTypeInfo& type) {
                           return type.is_quantized && can_quantize_to(type.dtype);
                         })),
                         type_name);

TEST(QuantFormats, TypesThatAreOnlyReadSayWhichAreMade) {
  EXPECT_FALSE(can_quantize_to(DType::iq2_xs));
  try {
    quantize(Tensor::zeros({1, 256}), DType::iq2_xs);
    FAIL() << "iq2_xs was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(error.what(), HasSubstr("iq2_xs"));
    EXPECT_THAT(error.what(), HasSubstr("q3_k"));
  }
}

template <class Stored>
void expect_integers(DType dtype, std::vector<Stored> stored) {
  const auto count = static_cast<std::int64_t>(stored.size());
  const auto* bytes = reinterpret_cast<const std::byte*>(stored.data());
  const Tensor tensor = Tensor::view_of(nullptr, bytes, {count}, dtype);
  EXPECT_EQ(tensor.values(), std::vector<double>(stored.begin(), stored.end()));
  EXPECT_EQ(tensor.clone().values(), tensor.values());
  EXPECT_EQ(first_bad_block(dtype, bytes, count), -1);
}

TEST(QuantFormats, IntegersOfAllWidthsAreRead) {
  expect_integers<std::int8_t>(DType::i8, {-128, 0, 127});
  expect_integers<std::int16_t>(DType::i16, {-32768, 0, 32767});
  expect_integers<std::int32_t>(DType::i32, {-2147483647, 0, 2147483647});
  expect_integers<std::int64_t>(DType::i64, {-(std::int64_t{1} << 52), 0, std::int64_t{1} << 52});
}

template <class Block>
void expect_vectors_equal_scalar_code() {
  const RandomStream random(5, "blocks");
  std::vector<Block> blocks(64);
  auto* bytes = reinterpret_cast<std::uint8_t*>(blocks.data());
  for (std::size_t i = 0; i < blocks.size() * sizeof(Block); ++i) {
    bytes[i] = static_cast<std::uint8_t>(random.bits_at(i));
  }
  std::vector<float> scalar(blocks.size() * Block::kElements), vectors(scalar.size());
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (!has_finite_scales(blocks[b])) blocks[b] = {};
    decode(blocks[b], scalar.data() + b * Block::kElements);
  }
  dequantize_row(Block::kType, reinterpret_cast<const std::byte*>(blocks.data()),
                 static_cast<std::int64_t>(scalar.size()), vectors.data());
  EXPECT_TRUE(same_bits(scalar, vectors)) << info(Block::kType).name;
}

TEST(QuantFormats, VectorDecodersGiveTheBitsOfTheScalarOnes) {
  expect_vectors_equal_scalar_code<Q4_0Block>();
  expect_vectors_equal_scalar_code<Q4_1Block>();
  expect_vectors_equal_scalar_code<Q5_0Block>();
  expect_vectors_equal_scalar_code<Q5_1Block>();
  expect_vectors_equal_scalar_code<Q8_0Block>();
  expect_vectors_equal_scalar_code<Q4_KBlock>();
  expect_vectors_equal_scalar_code<Q6_KBlock>();
}

TEST(QuantFormats, EveryHalfSurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0) continue;  // NaN becomes another NaN
    ASSERT_EQ(float_to_f16(f16_to_float(half)), half) << bits;
    float decoded;
    dequantize_row(DType::f16, reinterpret_cast<const std::byte*>(&half), 1, &decoded);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded),
              std::bit_cast<std::uint32_t>(f16_to_float(half)));
  }
}

}  // namespace
}  // namespace bantam
