#include "bantam/tensor/ops/paged_attention.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

constexpr auto kRows = static_cast<std::int32_t>(kPageRows);

Tensor random(const Shape& shape, std::uint64_t seed, double deviation = 1) {
  RandomStream stream(seed, "paged-attention");
  Tensor x = Tensor::empty(shape);
  for (float& value : x.span<float>()) value = static_cast<float>(deviation * stream.next_normal());
  return x;
}

std::vector<std::int32_t> first_rows(std::int32_t count) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Pages for the rows that `plan` may see. Every other byte is set so that reading too far is
// noticed: both types take it as NaN.
Tensor filled_pages(const Tensor& k, const Tensor& v, std::span<const std::int32_t> rows,
                    std::int64_t pages, DType dtype) {
  Tensor stored = make_pages(pages, k.size(1), k.size(2), dtype);
  std::memset(stored.writable_bytes(), 0xff, stored.byte_size());
  write_pages(stored, rows, k, v);
  return stored;
}

Tensor filled_pages(const Tensor& k, const Tensor& v, DType dtype) {
  const auto count = static_cast<std::int32_t>(k.size(0));
  return filled_pages(k, v, first_rows(count), (count + kRows - 1) / kRows, dtype);
}

// The last of `keys` tokens is the last query; the first ones are the past.
Visibility continued(std::int32_t queries, std::int32_t keys) {
  Visibility plan;
  plan.key_rows = keys;
  for (std::int32_t t = 0; t < queries; ++t) plan.push({{0, keys - queries + t + 1}});
  return plan;
}

// Branches of a common past, a tree, recycled pages, and queries that see nothing.
Visibility scattered() {
  Visibility plan;
  plan.key_rows = 300;
  plan.push({{0, 40}, {64, 65}});
  plan.push({{0, 40}, {96, 97}});
  plan.push({{0, 40}, {96, 98}});
  plan.push({});
  plan.push({{0, 40}, {96, 98}, {128, 131}});
  plan.push({{0, 40}, {128, 129}, {130, 132}});
  plan.push({{160, 250}, {32, 64}, {288, 300}});
  plan.push({{160, 250}, {32, 64}, {288, 299}});
  plan.push({{5, 6}});
  return plan;
}

// In double, over the values as they are stored.
std::vector<double> attention_in_double(const Tensor& q, const Tensor& pages,
                                        const Visibility& plan, double scale) {
  const std::int64_t heads = q.size(1), width = q.size(2), per_group = heads / pages.size(1);
  std::vector<double> out(static_cast<std::size_t>(q.count()), 0.0);
  for (std::int32_t t = 0; t < q.size(0); ++t) {
    for (std::int64_t h = 0; h < heads; ++h) {
      const float* query = q.data<float>() + (t * heads + h) * width;
      double* result = out.data() + (t * heads + h) * width;
      double most = -std::numeric_limits<double>::infinity(), total = 0;
      std::vector<std::pair<double, std::int32_t>> scores;
      for (std::int32_t r = plan.first[t]; r < plan.first[t + 1]; ++r) {
        for (std::int32_t row = plan.ranges[r].begin; row < plan.ranges[r].end; ++row) {
          const Tensor key = page_row(pages, PageSide::keys, row, h / per_group, width);
          double score = 0;
          for (std::int64_t e = 0; e < width; ++e) score += double{query[e]} * key.data<float>()[e];
          scores.emplace_back(scale * score, row);
          most = std::max(most, scale * score);
        }
      }
      for (const auto& [score, row] : scores) {
        const Tensor value = page_row(pages, PageSide::values, row, h / per_group, width);
        const double weight = std::exp(score - most);
        total += weight;
        for (std::int64_t e = 0; e < width; ++e) result[e] += weight * value.data<float>()[e];
      }
      for (std::int64_t e = 0; e < width && total > 0; ++e) result[e] /= total;
    }
  }
  return out;
}

double relative_error(const Tensor& found, const std::vector<double>& expected) {
  const std::vector<double> values = found.values();
  double error = 0, size = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    error += (values[i] - expected[i]) * (values[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return error / size;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.bytes(), b.bytes(), a.byte_size()) == 0;
}

Tensor rows_of(const Tensor& x, std::int64_t begin, std::int64_t end) {
  return slice(x, 0, begin, end).clone();
}

struct Sizes {
  std::int64_t heads, groups, width;
};

OP_CASES(paged_attention) {
  // Constants: an answer has no gradients.
  const auto fixed = [](const Shape& shape) -> Input {
    return [shape](RandomStream& stream) { return cast(normal(shape)(stream), DType::f32); };
  };
  const auto op = [](Visibility plan, DType dtype) {
    return [plan = std::move(plan), dtype](const Tensor& q, const Tensor& k, const Tensor& v) {
      return paged_attention(q, filled_pages(k, v, dtype), plan, 0.3f);
    };
  };
  for (const DType dtype : {DType::f32, DType::f16}) {
    const auto add = [&](Visibility plan, Sizes sizes) {
      const std::int64_t queries = plan.queries(), keys = plan.key_rows;
      yield({fixed({queries, sizes.heads, sizes.width}), fixed({keys, sizes.groups, sizes.width}),
             fixed({keys, sizes.groups, sizes.width})},
            op(std::move(plan), dtype));
    };
    add(continued(1, 1), {3, 1, 16});
    add(continued(1, 700), {9, 3, 64});
    add(continued(5, 5), {2, 2, 8});
    add(continued(40, 130), {4, 2, 48});
    add(continued(300, 300), {9, 3, 64});
    add(scattered(), {8, 2, 20});
    yield({fixed({20, 4, 16}), fixed({50, 2, 16}), fixed({50, 2, 16})},
          [dtype](const Tensor& q, const Tensor& k, const Tensor& v) {
            return paged_attention(q, filled_pages(k, v, dtype), continued(20, 50), {0.7f, 2.5f});
          });
  }
  const auto timed = [&](Visibility plan) {
    const std::int64_t queries = plan.queries(), keys = plan.key_rows;
    const Tensor k = random({keys, 3, 64}, 1), v = random({keys, 3, 64}, 2);
    yield.timed({fixed({queries, 9, 64})},
                [plan = std::move(plan), pages = filled_pages(k, v, DType::f16)](const Tensor& q) {
                  return paged_attention(q, pages, plan, 0.125f);
                });
  };
  timed(continued(1, 8000));
  timed(continued(512, 512));
}

TEST(PagedAttention, AgreesWithDoubleOverTheStoredValues) {
  const auto check = [](const Visibility& plan, Sizes sizes) {
    const Tensor q = random({plan.queries(), sizes.heads, sizes.width}, 3);
    const Tensor k = random({plan.key_rows, sizes.groups, sizes.width}, 4, 2);
    const Tensor v = random({plan.key_rows, sizes.groups, sizes.width}, 5);
    const float scale = 1 / std::sqrt(static_cast<float>(sizes.width));
    for (const DType dtype : {DType::f16, DType::f32}) {
      SCOPED_TRACE(fmt::format("{} queries, {} rows, {} heads, {} key heads, width {}, {}",
                               plan.queries(), plan.key_rows, sizes.heads, sizes.groups,
                               sizes.width, info(dtype).name));
      const Tensor pages = filled_pages(k, v, dtype);
      // Rounding of the stored values is not part of it.
      const std::vector<double> expected = attention_in_double(q, pages, plan, scale);
      EXPECT_LT(relative_error(paged_attention(q, pages, plan, scale), expected), 1e-11);
      // Where a passage is attended in bf16, each factor errs by up to 2^-9, and scores of a size
      // of 2 and their weights by half a percent: squared, and with room for a few large scores.
      const RoundActivations scope(Rounding::passage);
      EXPECT_LT(relative_error(paged_attention(q, pages, plan, scale), expected), 2e-4);
    }
  };
  for (const std::int32_t keys : {1, 3, 4, 31, 32, 33, 127, 128, 129, 1000}) {
    check(continued(1, keys), {9, 3, 64});
  }
  for (const std::int64_t width : {1, 8, 16, 24, 80, 128}) check(continued(4, 70), {4, 2, width});
  for (const std::int64_t heads : {1, 2, 3, 4, 5, 7, 8, 14})
    check(continued(3, 70), {heads, 1, 32});
  check(continued(50, 50), {9, 3, 64});
  check(continued(50, 400), {6, 6, 32});
  check(continued(70, 75), {3, 1, 16});
  check(scattered(), {9, 3, 64});
  check(scattered(), {2, 2, 32});
}

// What a row summed up is made relative to a larger score where one comes. Scores are exact here,
// so that only weights and values round.
TEST(PagedAttention, LaterKeysMayHaveFarLargerScores) {
  constexpr std::int64_t kKeys = 560, kWidth = 64;
  constexpr float kSizes[] = {0, 60, 50, 120, 125};  // of every 128 keys
  Tensor q = Tensor::zeros({kKeys, 3, kWidth}), k = Tensor::zeros({kKeys, 1, kWidth});
  for (std::int64_t row = 0; row < kKeys; ++row) {
    for (std::int64_t head = 0; head < 3; ++head) {
      q.data<float>()[(row * 3 + head) * kWidth] = head == 2 ? -1.0f : 1.0f;
    }
    k.data<float>()[row * kWidth] = kSizes[row / 128] + static_cast<float>(row % 7) * 0.5f;
  }
  const Tensor pages = filled_pages(k, random({kKeys, 1, kWidth}, 5), DType::f16);
  const Visibility plan = continued(kKeys, kKeys);
  const std::vector<double> expected = attention_in_double(q, pages, plan, 1);
  EXPECT_LT(relative_error(paged_attention(q, pages, plan, 1), expected), 1e-11);
  const RoundActivations scope(Rounding::passage);
  EXPECT_LT(relative_error(paged_attention(q, pages, plan, 1), expected), 2e-5);
}

// Products of passages may be formed otherwise (Rounding), and keep to the same.
class PagedAttentionBits : public testing::TestWithParam<Rounding> {
  RoundActivations scope_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Roundings, PagedAttentionBits,
                         testing::Values(Rounding::rows, Rounding::passage), [](const auto& info) {
                           return info.param == Rounding::rows ? "rows" : "passages";
                         });

// What stands beside a query decides how work is cut, and must not show.
TEST_P(PagedAttentionBits, ARowHasTheSameBitsAloneAndInAPrompt) {
  for (const Sizes sizes : {Sizes{9, 3, 64}, {4, 4, 32}, {8, 2, 16}, {7, 1, 32}}) {
    const std::int32_t keys = 420;
    const Tensor q = random({keys, sizes.heads, sizes.width}, 6);
    const Tensor k = random({keys, sizes.groups, sizes.width}, 7);
    const Tensor v = random({keys, sizes.groups, sizes.width}, 8);
    for (const DType dtype : {DType::f16, DType::f32}) {
      const Tensor pages = filled_pages(k, v, dtype);
      const Tensor whole = paged_attention(q, pages, continued(keys, keys), 0.2f);
      for (const std::int32_t t : {0, 1, 2, 31, 32, 100, 131, 300, 419}) {
        const Tensor alone =
            paged_attention(rows_of(q, t, t + 1), pages, continued(1, t + 1), 0.2f);
        EXPECT_TRUE(same_bits(rows_of(whole, t, t + 1), alone))
            << "query " << t << ", " << sizes.heads << " heads, " << info(dtype).name;
      }
      const Tensor piece = paged_attention(rows_of(q, 200, 260), pages, continued(60, 260), 0.2f);
      EXPECT_TRUE(same_bits(rows_of(whole, 200, 260), piece));
    }
  }
}

TEST_P(PagedAttentionBits, ARowHasTheSameBitsAmongOtherSequences) {
  const Visibility plan = scattered();
  const Tensor q = random({plan.queries(), 9, 64}, 9);
  const Tensor pages = filled_pages(random({300, 3, 64}, 10), random({300, 3, 64}, 11), DType::f16);
  const Tensor together = paged_attention(q, pages, plan, 0.1f);
  for (std::int32_t t = 0; t < plan.queries(); ++t) {
    Visibility own;
    own.key_rows = plan.key_rows;
    own.ranges.assign(plan.ranges.begin() + plan.first[t], plan.ranges.begin() + plan.first[t + 1]);
    own.first.push_back(static_cast<std::int32_t>(own.ranges.size()));
    EXPECT_TRUE(same_bits(rows_of(together, t, t + 1),
                          paged_attention(rows_of(q, t, t + 1), pages, own, 0.1f)))
        << "query " << t;
  }
}

TEST_P(PagedAttentionBits, HeadsOfPagesThatGrewAreReadAsPagesOfTheirOwn) {
  const Tensor q = random({3, 6, 40}, 9), k = random({100, 2, 40}, 10),
               v = random({100, 2, 40}, 11);
  for (const DType dtype : {DType::f32, DType::f16}) {
    Tensor all = make_pages(2, 7, 40, dtype);
    std::memset(all.writable_bytes(), 0xff, all.byte_size());
    Tensor layer = slice(all, 1, 3, 5);
    const std::int32_t before = kRows + 10;
    write_pages(layer, first_rows(before), rows_of(k, 0, before), rows_of(v, 0, before));
    EXPECT_THROW(with_more_pages(layer, 400), Error) << "not whole pages";
    all = with_more_pages(all, 400);  // moves
    layer = slice(all, 1, 3, 5);
    std::vector<std::int32_t> others = first_rows(100);
    others.erase(others.begin(), others.begin() + before);
    write_pages(layer, others, rows_of(k, before, 100), rows_of(v, before, 100));
    const Tensor alone = filled_pages(k, v, dtype);
    EXPECT_TRUE(same_bits(paged_attention(q, layer, continued(3, 100), 0.2f),
                          paged_attention(q, alone, continued(3, 100), 0.2f)))
        << info(dtype).name;
    EXPECT_TRUE(same_bits(page_row(layer, PageSide::keys, 41, 1, 40),
                          page_row(alone, PageSide::keys, 41, 1, 40)));
    EXPECT_TRUE(same_bits(page_row(layer, PageSide::values, 99, 0, 40),
                          page_row(alone, PageSide::values, 99, 0, 40)));
  }
}

TEST_P(PagedAttentionBits, ARowHasTheSameBitsInOtherPages) {
  constexpr std::int32_t kTokens = 200;
  const Tensor q = random({1, 9, 64}, 12);
  const Tensor k = random({kTokens, 3, 64}, 13), v = random({kTokens, 3, 64}, 14);
  const Tensor in_order =
      paged_attention(q, filled_pages(k, v, DType::f16), continued(1, kTokens), 0.1f);
  std::vector<std::int32_t> rows;
  Visibility plan;
  plan.key_rows = 10 * kRows;
  for (const std::int32_t page : {7, 2, 3, 9, 0, 5, 4}) {
    const auto begin = page * kRows;
    const auto end = begin + std::min(kRows, kTokens - static_cast<std::int32_t>(rows.size()));
    plan.ranges.push_back({begin, end});
    for (std::int32_t row = begin; row < end; ++row) rows.push_back(row);
  }
  plan.first.push_back(static_cast<std::int32_t>(plan.ranges.size()));
  const Tensor pages = filled_pages(k, v, rows, 10, DType::f16);
  EXPECT_TRUE(same_bits(in_order, paged_attention(q, pages, plan, 0.1f)));
}

TEST(PagedAttention, GivesZerosToAQueryThatSeesNothing) {
  const Tensor q = random({9, 2, 16}, 15);
  const Tensor pages = filled_pages(random({300, 1, 16}, 16), random({300, 1, 16}, 17), DType::f16);
  EXPECT_THAT(rows_of(paged_attention(q, pages, scattered(), 1.0f), 3, 4).values(),
              testing::Each(0.0));
  Visibility nothing;
  nothing.push({});
  EXPECT_THAT(paged_attention(rows_of(q, 0, 1), pages, nothing, 1.0f).values(), testing::Each(0.0));
}

TEST(PagedAttention, StaysFiniteWithScoresOfTenThousand) {
  const Tensor q = random({1, 3, 32}, 18, 100);
  const Tensor pages =
      filled_pages(random({600, 1, 32}, 19, 100), random({600, 1, 32}, 20), DType::f16);
  const Tensor y = paged_attention(q, pages, continued(1, 600), 0.3f);
  EXPECT_LT(relative_error(y, attention_in_double(q, pages, continued(1, 600), 0.3f)), 1e-6)
      << "scores have an error of about 1e-3 in f32";
}

TEST(PagedAttention, PassesNanOn) {
  Tensor k = random({200, 1, 16}, 21);
  k.data<float>()[150 * 16] = NAN;
  const Tensor q = random({1, 3, 16}, 22);
  const Tensor pages = filled_pages(k, k, DType::f16);
  EXPECT_FALSE(std::isnan(paged_attention(q, pages, continued(1, 150), 1.0f).values()[0]));
  for (const std::int32_t keys : {151, 200}) {
    EXPECT_TRUE(std::isnan(paged_attention(q, pages, continued(1, keys), 1.0f).values()[0]));
  }
}

TEST(PagedAttention, RefusesAPlanForOtherShapesAndGradients) {
  const Tensor q = Tensor::zeros({1, 2, 16});
  const Tensor pages = make_pages(1, 1, 16, DType::f16);
  EXPECT_THROW(paged_attention(q, pages, continued(2, 2), 1.0f), Error);
  EXPECT_THROW(paged_attention(q, pages, continued(1, 33), 1.0f), Error);
  EXPECT_THROW(paged_attention(Tensor::zeros({1, 2, 32}), pages, continued(1, 1), 1.0f), Error);
  EXPECT_THROW(paged_attention(q, make_pages(1, 1, 16, DType::bf16), continued(1, 1), 1.0f), Error);
  EXPECT_THROW(paged_attention(q, make_pages(1, 3, 16, DType::f16), continued(1, 1), 1.0f), Error);
  Tape tape;
  const Tape::Recording recording(tape);
  EXPECT_THROW(paged_attention(q.as_variable(), pages, continued(1, 1), 1.0f), Error);
}

// Values of every size in f16's range and around its ends, as [1, 1, n].
Tensor values_of_all_sizes() {
  std::vector<float> values = {0.0f,     -0.0f,     1.0f,       65504.0f, 65519.9f, -65504.0f,
                               65520.0f, -65536.0f, 0x1.8p-25f, 0x1p-25f, 0x1p-26f, 0x1.002p-14f,
                               1e30f,    -3e38f,    -0x1p-149f, 0x1p-14f, 2049.0f,  2051.0f};
  RandomStream stream(23, "halves");
  while (values.size() < 4096) {
    const double size = std::exp2(-30 + 50 * stream.next_uniform());
    values.push_back(static_cast<float>(size * (stream.next_uniform() - 0.5)));
  }
  return Tensor::from(std::span<const float>(values), {1, 1, std::ssize(values)});
}

// To nearest, ties to even, by distance in double: independent of the library's conversions.
void expect_nearest_half(float value, float stored) {
  const double bounded = std::clamp<double>(value, -65504, 65504);
  const auto bits = float_to_f16(stored);
  ASSERT_EQ(f16_to_float(bits), stored) << value << " is stored as " << stored;
  const double error = std::abs(stored - bounded);
  for (const int step : {-1, 1}) {
    const auto magnitude = static_cast<std::uint16_t>((bits & 0x7fff) + step);
    if (magnitude >= 0x7c00) continue;  // past zero or the largest
    const double other = std::copysign(double{f16_to_float(magnitude)}, static_cast<double>(value));
    const bool tie_goes_there = std::abs(other - bounded) == error && (bits & 1) != 0;
    EXPECT_FALSE(std::abs(other - bounded) < error || tie_goes_there)
        << value << " is stored as " << stored << ", " << other << " is nearer";
  }
}

TEST(WritePages, RoundsToTheNearestHalfAndBoundsWhatIsBeyond) {
  const Tensor x = values_of_all_sizes();
  const std::int32_t rows[] = {3};
  const auto check = [&] {
    const Tensor pages = filled_pages(x, x, rows, 1, DType::f16);
    for (const PageSide side : {PageSide::keys, PageSide::values}) {
      const Tensor stored = page_row(pages, side, 3, 0, x.size(2));
      for (std::int64_t i = 0; i < x.size(2); ++i) {
        expect_nearest_half(x.data<float>()[i], stored.data<float>()[i]);
      }
    }
  };
  check();
  const ComposeOnly compose;
  check();
}

TEST(WritePages, KeepsInfinityAndNan) {
  Tensor x = Tensor::zeros({1, 1, 16});
  x.data<float>()[0] = INFINITY;
  x.data<float>()[1] = -INFINITY;
  x.data<float>()[2] = NAN;
  const std::int32_t rows[] = {0};
  const Tensor stored = page_row(filled_pages(x, x, rows, 1, DType::f16), PageSide::keys, 0, 0, 16);
  EXPECT_EQ(stored.data<float>()[0], INFINITY);
  EXPECT_EQ(stored.data<float>()[1], -INFINITY);
  EXPECT_TRUE(std::isnan(stored.data<float>()[2]));
}

TEST(WritePages, PutsEachRowAndHeadInItsPlaceAndZerosBehind) {
  const Tensor k = random({3, 2, 5}, 24), v = random({3, 2, 5}, 25);
  const std::int32_t rows[] = {40, 7, 63};
  const Tensor pages = filled_pages(k, v, rows, 2, DType::f32);
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::int64_t head = 0; head < 2; ++head) {
      const std::int64_t from = (static_cast<std::int64_t>(t) * 2 + head) * 5;
      const Tensor key = page_row(pages, PageSide::keys, rows[t], head, 16);
      const Tensor value = page_row(pages, PageSide::values, rows[t], head, 16);
      for (std::int64_t e = 0; e < 16; ++e) {
        EXPECT_EQ(key.data<float>()[e], e < 5 ? k.data<float>()[from + e] : 0.0f);
        EXPECT_EQ(value.data<float>()[e], e < 5 ? v.data<float>()[from + e] : 0.0f);
      }
    }
  }
  EXPECT_TRUE(std::isnan(page_row(pages, PageSide::keys, 41, 0, 5).data<float>()[0]));
}

}  // namespace
}  // namespace bantam
