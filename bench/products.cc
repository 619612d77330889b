// The products that models are made of, below the ops: 8-bit integers (answers), rows of a
// quantized weight against a few rows (training over it), panels of it decoded, f32 and bf16.
#include <benchmark/benchmark.h>

#include <string>

#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/decode.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/rounded_rows.h"
#include "bantam/tensor/cpu/row_dots.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/quant/quantize.h"
#include "bench/bound.h"

namespace {

using namespace bantam;
using namespace bantam::bench;

// The way down of a 135M model's feed-forward; its width is whole blocks of every type.
constexpr std::int64_t kOutputs = 576, kWidth = 1536;

Tensor normal_matrix(std::int64_t rows, std::int64_t width) {
  RandomStream stream(1, "bench-products");
  std::vector<float> values(static_cast<std::size_t>(rows * width));
  for (float& value : values) value = static_cast<float>(stream.next_normal());
  return Tensor::from(std::span<const float>(values), {rows, width});
}

double multiplications(std::int64_t rows) { return static_cast<double>(rows * kOutputs * kWidth); }

// x, the weight as it lies, and the result.
double bytes_of_product(std::int64_t rows, const Tensor& weight) {
  return static_cast<double>(weight.byte_size() + sizeof(float) * rows * (kWidth + kOutputs));
}

// The public op as answers call it: rounding of x included.
void integer_product(benchmark::State& state, DType type) {
  if (!answers_multiply_integers(type)) return state.SkipWithError("answers use f32 on this CPU");
  const std::int64_t rows = state.range(0);
  const Tensor x = normal_matrix(rows, kWidth), w = quantize(normal_matrix(kOutputs, kWidth), type);
  const RoundActivations rounded;
  linear(x, w);  // the first call rearranges the weight
  time_against_bound(
      state, {.integer_operations = 2 * multiplications(rows), .bytes = bytes_of_product(rows, w)},
      [&] { benchmark::DoNotOptimize(linear(x, w)); });
}

// Read as f32, written as bytes.
void rounding_of_rows(benchmark::State& state) {
  const std::int64_t rows = state.range(0);
  const Tensor x = normal_matrix(rows, kWidth);
  time_against_bound(state, {.bytes = static_cast<double>(rows * kWidth * 5)}, [&] {
    benchmark::DoNotOptimize(
        cpu::RoundedRows(x.data<float>(), rows, kWidth, cpu::rows_side_by_side()));
  });
}

void row_dots(benchmark::State& state, DType type) {
  const std::int64_t rows = state.range(0);
  const Tensor x = normal_matrix(rows, kWidth), w = quantize(normal_matrix(kOutputs, kWidth), type);
  Tensor y = Tensor::empty({rows, kOutputs});
  time_against_bound(state,
                     {.operations = 2 * multiplications(rows), .bytes = bytes_of_product(rows, w)},
                     [&] { cpu::row_dots(x.data<float>(), rows, w, y.data<float>()); });
}

// As linear() decodes a weight before a product of many rows.
void decode_panel(benchmark::State& state, DType type) {
  constexpr std::int64_t kRowsAtATime = 16;
  const Tensor w = quantize(normal_matrix(kOutputs, kWidth), type);
  Tensor panel = Tensor::empty({kOutputs, kWidth});
  const cpu::Decode decode = cpu::decoder(type);
  const double bytes = static_cast<double>(w.byte_size() + panel.byte_size());
  time_against_bound(state, {.bytes = bytes}, [&] {
    parallel_for(kOutputs, kRowsAtATime, [&](std::int64_t first, std::int64_t last) {
      decode(w.bytes() + cpu::bytes_of(type, first * kWidth), (last - first) * kWidth,
             panel.data<float>() + first * kWidth);
    });
  });
}

// Many rows over a weight of any type, without rounding: decoded panels and oneDNN's product.
void float_product(benchmark::State& state, DType type) {
  const std::int64_t rows = state.range(0);
  const Tensor x = normal_matrix(rows, kWidth), w = quantize(normal_matrix(kOutputs, kWidth), type);
  time_against_bound(state,
                     {.operations = 2 * multiplications(rows), .bytes = bytes_of_product(rows, w)},
                     [&] { benchmark::DoNotOptimize(linear(x, w)); });
}

void add(const std::string& name, DType type, void (*body)(benchmark::State&, DType),
         std::initializer_list<std::int64_t> rows) {
  auto* added =
      benchmark::RegisterBenchmark((name + "/" + std::string(info(type).name)).c_str(),
                                   [body, type](benchmark::State& state) { body(state, type); });
  for (const std::int64_t count : rows) added->ArgName("rows")->Arg(count);
  added->UseRealTime();
}

}  // namespace

void register_products() {
  for (const DType type : {DType::q4_1, DType::q4_k, DType::q6_k, DType::q8_0}) {
    add("integer_product", type, integer_product, {1, 8, 512});
    add("row_dots", type, row_dots, {1, 8});
    add("decode_panel", type, decode_panel, {});
    add("float_product", type, float_product, {512});
  }
  add("float_product", DType::f32, float_product, {512, 2048});
  benchmark::RegisterBenchmark("rounding_of_rows", rounding_of_rows)
      ->ArgName("rows")
      ->Arg(1)
      ->Arg(8)
      ->Arg(512)
      ->UseRealTime();
}
