#include "bantam/tensor/quant/codebooks.h"

#include "bantam/tensor/quant/codebook_rows.h"

namespace bantam {
namespace {

template <int kLevels, int kRows, std::size_t kValues>
constexpr Codebook<kRows, kLevels> unpacked(const std::uint16_t (&packed)[kRows],
                                            const std::array<std::int8_t, kValues>& values) {
  constexpr int kBits = std::bit_width(kValues - 1);
  Codebook<kRows, kLevels> rows{};
  for (int row = 0; row < kRows; ++row) {
    for (int i = 0; i < kLevels; ++i) {
      rows[row][i] = values[(packed[row] >> (kBits * i)) & ((1 << kBits) - 1)];
    }
  }
  return rows;
}

constexpr std::array<std::int8_t, 3> kTernary = {-1, 0, 1}, kIq2 = {8, 25, 43};
constexpr std::array<std::int8_t, 8> kIq3Xxs = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::array<std::int8_t, 8> kIq3S = {1, 3, 5, 7, 9, 11, 13, 15};

}  // namespace

constexpr Codebook<2048, 8> kIq1Rows = unpacked<8>(kIq1Packed, kTernary);
constexpr Codebook<256, 8> kIq2XxsRows = unpacked<8>(kIq2XxsPacked, kIq2);
constexpr Codebook<512, 8> kIq2XsRows = unpacked<8>(kIq2XsPacked, kIq2);
constexpr Codebook<1024, 8> kIq2SRows = unpacked<8>(kIq2SPacked, kIq2);
constexpr Codebook<256, 4> kIq3XxsRows = unpacked<4>(kIq3XxsPacked, kIq3Xxs);
constexpr Codebook<512, 4> kIq3SRows = unpacked<4>(kIq3SPacked, kIq3S);

}  // namespace bantam
