// Block formats against the reference package (golden files by tools/golden/quant_formats.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <vector>

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
  std::vector<float> values;
  std::vector<std::byte> blocks;
  std::vector<float> decoded;
};

Golden load(DType dtype) {
  const std::string path = std::string(BANTAM_SOURCE_DIR "/tests/golden/tensor/quant_") +
                           std::string(info(dtype).name) + ".bin";
  std::ifstream file(path, std::ios::binary);
  std::int32_t count = 0, has_values = 0;
  file.read(reinterpret_cast<char*>(&count), 4).read(reinterpret_cast<char*>(&has_values), 4);
  Golden golden;
  golden.values.resize(has_values == 1 ? count : 0);
  golden.blocks.resize(count / info(dtype).block_elements * info(dtype).block_bytes);
  golden.decoded.resize(count);
  const auto read = [&](auto& into) {
    file.read(reinterpret_cast<char*>(into.data()),
              static_cast<std::streamsize>(into.size() * sizeof(into[0])));
  };
  read(golden.values);
  read(golden.blocks);
  read(golden.decoded);
  EXPECT_TRUE(file.good()) << path;
  return golden;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

class QuantFormat : public testing::TestWithParam<DType> {};
class ReferenceEncoder : public QuantFormat {};
class BlockFormat : public QuantFormat {};

TEST_P(QuantFormat, DecodesToTheBitsOfTheReference) {
  const Golden golden = load(GetParam());
  std::vector<float> decoded(golden.decoded.size());
  dequantize_row(GetParam(), golden.blocks.data(), static_cast<std::int64_t>(decoded.size()),
                 decoded.data());
  EXPECT_TRUE(same_bits(decoded, golden.decoded));
}

TEST_P(ReferenceEncoder, EncodesToTheBytesOfTheReference) {
  const Golden golden = load(GetParam());
  std::vector<std::byte> blocks(golden.blocks.size());
  quantize_row(GetParam(), golden.values.data(), static_cast<std::int64_t>(golden.values.size()),
               blocks.data());
  EXPECT_EQ(blocks, golden.blocks);
}

TEST_P(QuantFormat, RoundTripStaysWithinTheErrorOfItsBits) {
  // The input and limit of llama.cpp's test-quantize-fns: cosines, root mean square error divided
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
  EXPECT_LE(std::sqrt(sum) / kCount, 0.002);
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
  EXPECT_LE(std::sqrt(error / norm), bits < 5     ? 0.09
                                     : bits < 5.3 ? 0.085
                                     : bits < 6.5 ? 0.045
                                                  : 0.02);
}

TEST_P(QuantFormat, FindsTheFirstBlockWithABrokenScale) {
  Golden golden = load(GetParam());
  const auto count = static_cast<std::int64_t>(golden.decoded.size());
  EXPECT_EQ(first_bad_block(GetParam(), golden.blocks.data(), count), -1);
  const std::uint16_t bad = GetParam() == DType::bf16 ? 0x7f80 : 0x7e00;  // infinity, NaN
  const int bytes = info(GetParam()).block_bytes;
  const int offset = GetParam() == DType::q6_k ? 208 : 0;
  std::memcpy(golden.blocks.data() + 2 * bytes + offset, &bad, 2);
  EXPECT_EQ(first_bad_block(GetParam(), golden.blocks.data(), count), 2);
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

INSTANTIATE_TEST_SUITE_P(All, QuantFormat,
                         testing::Values(DType::f16, DType::bf16, DType::q4_0, DType::q4_1,
                                         DType::q5_0, DType::q5_1, DType::q8_0, DType::q4_k,
                                         DType::q6_k),
                         type_name);
INSTANTIATE_TEST_SUITE_P(All, ReferenceEncoder,
                         testing::Values(DType::f16, DType::bf16, DType::q4_0, DType::q4_1,
                                         DType::q5_0, DType::q5_1, DType::q8_0),
                         type_name);
INSTANTIATE_TEST_SUITE_P(All, BlockFormat,
                         testing::Values(DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
                                         DType::q8_0, DType::q4_k, DType::q6_k),
                         type_name);

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
