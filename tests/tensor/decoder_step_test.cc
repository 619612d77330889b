#include "bantam/tensor/ops/decoder_step.h"

#include <gmock/gmock.h>

#include <cstring>
#include <functional>
#include <string>

#include "bantam/base/threads.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/paged_attention.h"
#include "bantam/tensor/ops/rope.h"
#include "bantam/tensor/quant/quantize.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

Tensor random(const Shape& shape, std::string_view name, double deviation = 1) {
  RandomStream stream(1, name);
  Tensor x = Tensor::empty(shape);
  for (float& value : x.span<float>()) value = static_cast<float>(deviation * stream.next_normal());
  return x;
}

struct Sizes {
  std::int64_t width = 256, heads = 8, kv_heads = 2, head_width = 64, inner = 512;
  DType weights = DType::q4_1, pages = DType::f16;
};

// A layer's tensors, and pages in which `past` tokens of each sequence stand already.
struct Layer {
  Layer(const Sizes& sizes, std::int32_t sequences, std::int32_t new_tokens, std::int32_t past)
      : sizes(sizes) {
    const std::int64_t of_queries = sizes.heads * sizes.head_width,
                       of_keys = sizes.kv_heads * sizes.head_width;
    const auto weight = [&](std::int64_t rows, std::int64_t width, std::string_view name) {
      const Tensor w = random({rows, width}, name, 0.05);
      return sizes.weights == DType::f32 ? w : quantize(w, sizes.weights);
    };
    query = weight(of_queries, sizes.width, "query"), key = weight(of_keys, sizes.width, "key");
    value = weight(of_keys, sizes.width, "value"), output = weight(sizes.width, of_queries, "out");
    gate = weight(sizes.inner, sizes.width, "gate"), up = weight(sizes.inner, sizes.width, "up");
    down = weight(sizes.width, sizes.inner, "down");
    attention_norm = random({sizes.width}, "first norm");
    feed_forward_norm = random({sizes.width}, "second norm");
    query_bias = random({of_queries}, "query bias"), key_bias = random({of_keys}, "key bias");
    value_bias = random({of_keys}, "value bias");
    query_norm = random({sizes.head_width}, "query norm");
    key_norm = random({sizes.head_width}, "key norm");

    const std::int32_t of_each = (past + new_tokens + kPageRows - 1) / kPageRows * kPageRows;
    visibility.key_rows = sequences * of_each;
    std::vector<std::int32_t> positions, old;
    for (std::int32_t sequence = 0; sequence < sequences; ++sequence) {
      const std::int32_t first = sequence * of_each;
      for (std::int32_t t = 0; t < past; ++t) old.push_back(first + t);
      for (std::int32_t t = 0; t < new_tokens; ++t) {
        rows.push_back(first + past + t);
        positions.push_back(past + t);
        visibility.push({{first, first + past + t + 1}});
      }
    }
    const auto tokens = std::ssize(rows);
    rope = rope_table(Tensor::from(positions, {tokens}), rope_frequencies(32, 10000));
    x = random({tokens, sizes.width}, "x");
    pages =
        make_pages(sequences * of_each / kPageRows, sizes.kv_heads, sizes.head_width, sizes.pages);
    std::memset(pages.writable_bytes(), 0xff, pages.byte_size());  // NaN to both types
    const Shape of_old{std::ssize(old), sizes.kv_heads, sizes.head_width};
    write_pages(pages, old, random(of_old, "old keys"), random(of_old, "old values"));
  }

  DecoderStep step() {
    return {.attention_norm = &attention_norm,
            .feed_forward_norm = &feed_forward_norm,
            .query = &query,
            .key = &key,
            .value = &value,
            .query_bias = nullptr,
            .key_bias = nullptr,
            .value_bias = nullptr,
            .query_norm = nullptr,
            .key_norm = nullptr,
            .output = &output,
            .gate = &gate,
            .up = &up,
            .down = &down,
            .epsilon = 1e-5f,
            .rope = &rope,
            .interleaved = false,
            .pages = &pages,
            .rows = rows,
            .visibility = &visibility,
            .form = {0.125f}};
  }

  Sizes sizes;
  Tensor query, key, value, output, gate, up, down, attention_norm, feed_forward_norm;
  Tensor query_bias, key_bias, value_bias, query_norm, key_norm;
  RopeTable rope;
  Visibility visibility;
  std::vector<std::int32_t> rows;
  Tensor pages, x;
};

void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_EQ(std::memcmp(a.bytes(), b.bytes(), a.byte_size()), 0);
}

// Gives the same bits as the ops, in the output and in the pages.
void expect_bits_of_ops(Layer& layer, const DecoderStep& step) {
  const Tensor before = layer.pages.clone();
  const Tensor expected = decoder_step_composed(layer.x, step);
  const Tensor pages = layer.pages.clone();
  layer.pages.copy_from(before);
  for (const double value : expected.values()) ASSERT_TRUE(std::isfinite(value));
  expect_same_bits(decoder_step(layer.x, step), expected);
  expect_same_bits(layer.pages, pages);
}

struct Tokens {
  std::int32_t sequences, new_tokens, past;
};
constexpr Tokens kTokens[] = {{1, 1, 0},   {1, 1, 40},  {1, 1, 700},
                              {3, 1, 140}, {16, 1, 70}, {2, 25, 10}};

class DecoderSteps : public testing::TestWithParam<Rounding> {};
INSTANTIATE_TEST_SUITE_P(Roundings, DecoderSteps,
                         testing::Values(Rounding::rows, Rounding::passage), [](const auto& info) {
                           return info.param == Rounding::rows ? "rows" : "passage";
                         });

TEST_P(DecoderSteps, HaveTheBitsOfTheirOps) {
  const RoundActivations rounded(GetParam());
  for (const auto& [sequences, new_tokens, past] : kTokens) {
    for (const DType type : {DType::q4_1, DType::q8_0, DType::q4_k}) {
      SCOPED_TRACE(fmt::format("{} sequences, {} new, {} past, {}", sequences, new_tokens, past,
                               info(type).name));
      Layer layer({.weights = type}, sequences, new_tokens, past);
      expect_bits_of_ops(layer, layer.step());
    }
  }
}

TEST_P(DecoderSteps, MayBeWiderThanAPanel) {
  const RoundActivations rounded(GetParam());
  for (const std::int32_t tokens : {150, 300}) {
    Layer layer({.width = 2304, .inner = 96}, 1, tokens, 20);
    expect_bits_of_ops(layer, layer.step());
  }
}

// Enough tokens that each of several threads takes some through the whole layer.
TEST_P(DecoderSteps, MayBeCutByTokens) {
  const int before = thread_count();
  const RoundActivations rounded(GetParam());
  for (const DType type : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0,
                           DType::q4_k, DType::q6_k}) {
    for (const auto& [sequences, new_tokens, past] : {Tokens{1, 300, 45}, Tokens{3, 130, 0}}) {
      for (const int threads : {1, 2, 3}) {
        SCOPED_TRACE(
            fmt::format("{}, {} sequences, {} threads", info(type).name, sequences, threads));
        set_thread_count(threads);
        Layer layer({.weights = type}, sequences, new_tokens, past);
        expect_bits_of_ops(layer, layer.step());
      }
    }
  }
  set_thread_count(before);
}

TEST_P(DecoderSteps, MayHaveGatesOfTwoTypes) {
  const RoundActivations rounded(GetParam());
  Layer layer({}, 1, 300, 0);
  layer.up = quantize(random({layer.sizes.inner, layer.sizes.width}, "up", 0.05), DType::q6_k);
  expect_bits_of_ops(layer, layer.step());
}

TEST_P(DecoderSteps, HaveThePartsThatALayerMayHave) {
  const RoundActivations rounded(GetParam());
  const std::pair<const char*, std::function<void(Layer&, DecoderStep&)>> kinds[] = {
      {"biases",
       [](Layer& layer, DecoderStep& step) {
         step.query_bias = &layer.query_bias, step.key_bias = &layer.key_bias;
         step.value_bias = &layer.value_bias;
       }},
      {"norms of heads",
       [](Layer& layer, DecoderStep& step) {
         step.query_norm = &layer.query_norm, step.key_norm = &layer.key_norm;
       }},
      {"neighbors turn", [](Layer&, DecoderStep& step) { step.interleaved = true; }},
      {"nothing turns", [](Layer&, DecoderStep& step) { step.rope = nullptr; }},
      {"capped scores",
       [](Layer&, DecoderStep& step) {
         step.form = {0.125f, 2};
       }},
  };
  for (const auto& [name, change] : kinds) {
    SCOPED_TRACE(name);
    for (const std::int32_t tokens : {3, 140}) {
      Layer plain({}, 2, tokens, 40), layer({}, 2, tokens, 40);
      DecoderStep step = layer.step();
      change(layer, step);
      expect_bits_of_ops(layer, step);
      const Tensor changed = decoder_step(layer.x, step),
                   same = decoder_step(plain.x, plain.step());
      EXPECT_NE(std::memcmp(changed.bytes(), same.bytes(), same.byte_size()), 0);
    }
  }
}

TEST(DecoderStep, LeavesToItsOpsWhatItDoesNotTake) {
  const Sizes others[] = {{.weights = DType::f32}, {.head_width = 40}, {.pages = DType::f32}};
  for (const Sizes& sizes : others) {
    const RoundActivations rounded;
    Layer layer(sizes, 2, 1, 40);
    expect_bits_of_ops(layer, layer.step());
  }
  Layer layer({}, 2, 1, 40);
  expect_bits_of_ops(layer, layer.step());  // nothing is rounded
}

TEST_P(DecoderSteps, GiveTheSameBitsAtAnyThreadCount) {
  const int before = thread_count();
  const RoundActivations rounded(GetParam());
  for (const auto& [sequences, new_tokens, past] : kTokens) {
    Layer layer({}, sequences, new_tokens, past);
    const DecoderStep step = layer.step();
    set_thread_count(1);
    const Tensor alone = decoder_step(layer.x, step);
    for (const int threads : {2, 5}) {
      set_thread_count(threads);
      expect_same_bits(decoder_step(layer.x, step), alone);
    }
  }
  set_thread_count(before);
}

TEST(DecoderStep, NamesShapesThatDoNotFit) {
  const RoundActivations rounded;
  Layer layer({}, 1, 1, 40);
  const DecoderStep step = layer.step();
  const Tensor narrow = random({1, 192}, "narrow");
  const auto message = [&](const Tensor& x, const DecoderStep& wrong) {
    try {
      decoder_step(x, wrong);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message(narrow, step), testing::HasSubstr("192"));
  DecoderStep wrong = step;
  wrong.up = &layer.output;  // [256, 512]
  EXPECT_THAT(message(layer.x, wrong), testing::HasSubstr("[256, 512]"));
  wrong = step;
  wrong.key_norm = &layer.attention_norm;  // [256] for heads of 64
  EXPECT_THAT(message(layer.x, wrong), testing::HasSubstr("256"));
  wrong = step;
  const Visibility of_two = Layer({}, 2, 1, 40).visibility;
  wrong.visibility = &of_two;
  EXPECT_THAT(message(layer.x, wrong), testing::HasSubstr("2 queries"));
  Visibility too_far = layer.visibility;
  too_far.ranges.front().end = too_far.key_rows + 1;
  wrong.visibility = &too_far;
  EXPECT_THAT(message(layer.x, wrong), testing::HasSubstr("outside"));
}

}  // namespace
}  // namespace bantam
