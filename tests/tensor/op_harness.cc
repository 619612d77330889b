#include "tests/tensor/op_harness.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bantam/base/threads.h"
#include "bantam/tensor/backend.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

namespace bantam::op_tests {
namespace {

constexpr double kStep = 1e-6;  // of central differences in f64
constexpr int kCoordinates = 200, kDirections = 5;
constexpr std::size_t kEvaluatedElements = 500'000;  // by all quotients of a case; keeps tests fast
// Values and gradients that cancel to about zero have no relative error. Operands and output
// gradients are of order one, so that f32 rounds terms at 6e-8; a few of them add up to less than
// this.
constexpr double kRoundingFloor = 1e-6;

std::vector<OpEntry>& entries() {
  static std::vector<OpEntry> list;
  return list;
}

template <class Draw>
Tensor drawn(const Shape& shape, Draw draw) {
  Tensor x = Tensor::empty(shape, DType::f64);
  for (double& value : x.span<double>()) value = draw();
  return x;
}

double sum_of_squares(std::span<const double> x) {
  double total = 0;
  for (const double value : x) total += value * value;
  return total;
}

// |x - reference| / |reference|.
double relative_distance(const Tensor& x, const Tensor& reference) {
  std::vector<double> difference = x.values();
  const std::vector<double> expected = reference.values();
  for (std::size_t i = 0; i < expected.size(); ++i) difference[i] -= expected[i];
  return std::sqrt(sum_of_squares(difference) / sum_of_squares(expected));
}

// |a - b|² ≤ tolerance² |b|² + floor: relative L2, which for values of one scale is the root of
// NMSE.
void expect_close(const Tensor& a, const Tensor& b, double relative_l2, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  const std::vector<double> x = a.values(), y = b.values();
  double error = 0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    if (x[i] == y[i]) continue;  // infinities
    error += (x[i] - y[i]) * (x[i] - y[i]);
    if (!(std::abs(x[i] - y[i]) <= std::abs(x[worst] - y[worst]))) worst = i;
  }
  double reference = 0;
  for (const double value : y) reference += std::isfinite(value) ? value * value : 0;
  const double bound = relative_l2 * relative_l2 * reference +
                       static_cast<double>(x.size()) * kRoundingFloor * kRoundingFloor;
  EXPECT_LE(error, bound) << what << ": relative L2 "
                          << std::sqrt(error / std::max(reference, 1e-300)) << ", worst at "
                          << worst << ": " << (x.empty() ? 0 : x[worst]) << " for "
                          << (y.empty() ? 0 : y[worst]);
}

void expect_close(const OpCase& op_case, const Evaluation& a, const Evaluation& b,
                  const std::string& what) {
  expect_close(a.output, b.output, std::sqrt(op_case.value_tolerance), what + ", value");
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    if (!b.gradients[i].defined()) continue;
    ASSERT_TRUE(a.gradients[i].defined()) << what << ": no gradient for input " << i;
    expect_close(a.gradients[i], b.gradients[i], op_case.gradient_tolerance,
                 what + ", gradient of input " + std::to_string(i));
  }
}

void expect_same_bits(const Tensor& a, const Tensor& b, const std::string& what) {
  ASSERT_EQ(a.defined(), b.defined()) << what;
  if (!a.defined() || a.count() == 0) return;
  const Tensor x = a.clone(), y = b.clone();
  EXPECT_EQ(std::memcmp(x.bytes(), y.bytes(), x.byte_size()), 0) << what;
}

template <class Check>
void for_each_checked_case(void (*list)(CaseList&), Check check) {
  CaseList listed;
  list(listed);
  set_matmul_precision(MatmulPrecision::f32);  // bf16 products have their own test
  for (const OpCase& op_case : listed.cases()) {
    if (op_case.timing_only) continue;
    SCOPED_TRACE(describe(make_inputs(op_case, DType::f64)));
    check(op_case);
    if (::testing::Test::HasFatalFailure()) break;
  }
  set_matmul_precision(MatmulPrecision::automatic);
}

// r of evaluate(): the same for the same shape.
Tensor direction_for(const Tensor& output) {
  RandomStream stream(7, "op-harness-direction");
  return cast(drawn(output.shape(), [&] { return stream.next_normal(); }), output.dtype());
}

double weighted_sum(const OpCase& op_case, std::span<const Tensor> inputs, const Tensor& weights) {
  const std::vector<double> y = op_case.op(inputs).values(), r = weights.values();
  double total = 0;
  for (std::size_t i = 0; i < y.size(); ++i) total += y[i] * r[i];
  return total;
}

// (f(x + h d) - f(x - h d)) / 2h along a direction over the variables among the inputs.
double central_difference(const OpCase& op_case, std::span<const Tensor> inputs,
                          std::span<const std::vector<double>> direction, const Tensor& weights) {
  double difference = 0;
  for (const double sign : {1.0, -1.0}) {
    std::vector<Tensor> moved;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      moved.push_back(inputs[i]);
      if (!inputs[i].wants_gradient()) continue;
      moved.back() = inputs[i].clone();
      const std::span<double> values = moved.back().span<double>();
      for (std::size_t k = 0; k < values.size(); ++k) values[k] += sign * kStep * direction[i][k];
    }
    difference += sign * weighted_sum(op_case, moved, weights);
  }
  return difference / (2 * kStep);
}

void expect_slope(const OpCase& op_case, std::span<const Tensor> inputs,
                  std::span<const Tensor> gradients, std::span<const std::vector<double>> direction,
                  const Tensor& weights, const std::string& what) {
  double analytic = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].wants_gradient()) continue;
    const std::vector<double> gradient = gradients[i].values();
    for (std::size_t k = 0; k < gradient.size(); ++k) analytic += gradient[k] * direction[i][k];
  }
  const double numeric = central_difference(op_case, inputs, direction, weights);
  EXPECT_LE(std::abs(analytic - numeric), 1e-5 + 1e-3 * std::abs(numeric))
      << what << ": gradient " << analytic << ", difference quotient " << numeric;
}

void check_case_gradients(const OpCase& op_case) {
  const std::vector<Tensor> inputs = make_inputs(op_case, DType::f64);
  const Evaluation exact = evaluate(op_case, inputs);
  if (exact.output.count() == 0) return;  // a sum of nothing has no slope
  const Tensor weights = direction_for(exact.output);
  std::vector<std::pair<std::size_t, std::size_t>> coordinates;
  std::vector<std::vector<double>> direction;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    direction.emplace_back(inputs[i].wants_gradient() ? static_cast<std::size_t>(inputs[i].count())
                                                      : 0);
    if (!inputs[i].wants_gradient()) continue;
    ASSERT_TRUE(exact.gradients[i].defined()) << "no gradient for input " << i;
    ASSERT_EQ(exact.gradients[i].shape(), inputs[i].shape()) << "gradient of input " << i;
    for (std::size_t k = 0; k < direction[i].size(); ++k) coordinates.emplace_back(i, k);
  }
  RandomStream stream(11, "op-harness-coordinates");
  const std::size_t checked = std::min<std::size_t>(
      kCoordinates, kEvaluatedElements / std::max<std::size_t>(coordinates.size(), 1));
  for (std::size_t n = 0; n < checked && !coordinates.empty(); ++n) {
    const std::size_t chosen = stream.next_below(coordinates.size());
    const auto [input, place] = coordinates[chosen];
    coordinates[chosen] = coordinates.back();
    coordinates.pop_back();
    direction[input][place] = 1;
    expect_slope(op_case, inputs, exact.gradients, direction, weights,
                 "input " + std::to_string(input) + ", element " + std::to_string(place));
    direction[input][place] = 0;
  }
  for (int n = 0; n < kDirections; ++n) {
    for (auto& part : direction) {
      std::ranges::generate(part, [&] { return stream.next_normal(); });
      const double norm = std::sqrt(std::max(sum_of_squares(part), 1e-300));
      for (double& value : part) value /= norm;
    }
    expect_slope(op_case, inputs, exact.gradients, direction, weights, "along a direction");
  }
}

}  // namespace

Input normal(const Shape& shape, double deviation) {
  return [=](RandomStream& stream) {
    return drawn(shape, [&] { return deviation * stream.next_normal(); });
  };
}

Input uniform(const Shape& shape, double low, double high) {
  return [=](RandomStream& stream) {
    return drawn(shape, [&] { return low + (high - low) * stream.next_uniform(); });
  };
}

Input values(std::vector<double> list, const Shape& shape) {
  return [=](RandomStream&) { return Tensor::from(std::span<const double>(list), shape); };
}

Input ids(std::int64_t count, std::int64_t bound) {
  return [=](RandomStream& stream) {
    Tensor x = Tensor::empty({count}, DType::i32);
    for (std::int32_t& id : x.span<std::int32_t>())
      id = static_cast<std::int32_t>(stream.next_below(static_cast<std::uint64_t>(bound)));
    return x;
  };
}

Input exact_ids(std::vector<std::int32_t> list) {
  return [=](RandomStream&) {
    return Tensor::from(std::span<const std::int32_t>(list), {std::ssize(list)});
  };
}

Input constant(std::vector<float> list) {
  return
      [=](RandomStream&) { return Tensor::from(std::span<const float>(list), {std::ssize(list)}); };
}

Input encoded(const Shape& shape, DType dtype) {
  return [=](RandomStream& stream) {
    return quantize(cast(normal(shape)(stream), DType::f32), dtype);
  };
}

OpCase& OpCase::within(double value_nmse, double gradient_l2, const char* reason) {
  if (reason == nullptr || *reason == 0) throw internal_error("within: a bound needs its reason");
  value_tolerance = value_nmse;
  gradient_tolerance = gradient_l2;
  return *this;
}

std::span<const OpEntry> listed_ops() { return entries(); }

bool list_op(const char* name, void (*list)(CaseList& yield)) {
  entries().push_back({name, list});
  return true;
}

std::vector<Tensor> make_inputs(const OpCase& op_case, DType dtype) {
  RandomStream stream(3, "op-harness-inputs");
  std::vector<Tensor> inputs;
  for (const Input& make : op_case.inputs) {
    Tensor x = make(stream);
    // Rounded to f32 in f64 too: both types see the same numbers.
    if (x.dtype() == DType::f64) x = cast(cast(x, DType::f32), dtype).as_variable();
    inputs.push_back(std::move(x));
  }
  return inputs;
}

Evaluation evaluate(const OpCase& op_case, std::span<const Tensor> inputs) {
  Tape tape;
  Evaluation result;
  {
    const Tape::Recording recording(tape);
    result.output = op_case.op(inputs);
  }
  result.gradients.resize(inputs.size());
  if (!result.output.wants_gradient()) return result;
  GradientStore store;
  tape.backward(result.output, store, direction_for(result.output));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].wants_gradient()) result.gradients[i] = store.of(inputs[i]);
  }
  return result;
}

std::string describe(std::span<const Tensor> inputs) {
  std::string text;
  for (const Tensor& x : inputs) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", info(x.dtype()).name, x.shape().text());
  }
  return text;
}

void check_against_oracles(void (*list)(CaseList&)) {
  for_each_checked_case(list, [](const OpCase& op_case) {
    const Evaluation kernel = evaluate(op_case, make_inputs(op_case, DType::f32));
    expect_close(op_case, kernel, evaluate(op_case, make_inputs(op_case, DType::f64)),
                 "f32 against f64");
    const ComposeOnly compose;
    expect_close(op_case, kernel, evaluate(op_case, make_inputs(op_case, DType::f32)),
                 "kernel against composition");
  });
}

void check_gradients(void (*list)(CaseList&)) { for_each_checked_case(list, check_case_gradients); }

void check_thread_counts(void (*list)(CaseList&)) {
  const int before = thread_count();
  for_each_checked_case(list, [](const OpCase& op_case) {
    const std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
    set_thread_count(1);
    const Evaluation alone = evaluate(op_case, inputs);
    for (const int threads : {2, 3}) {
      set_thread_count(threads);
      const Evaluation together = evaluate(op_case, inputs);
      const std::string what = fmt::format("{} threads", threads);
      expect_same_bits(alone.output, together.output, what + ", value");
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        expect_same_bits(alone.gradients[i], together.gradients[i],
                         what + fmt::format(", gradient of input {}", i));
      }
    }
  });
  set_thread_count(before);
}

void check_rounded(const OpCase& op_case, double largest) {
  const Evaluation rounded = evaluate(op_case, make_inputs(op_case, DType::f32));
  const Evaluation exact = evaluate(op_case, make_inputs(op_case, DType::f64));
  EXPECT_LT(relative_distance(rounded.output, exact.output), largest);
  EXPECT_GT(relative_distance(rounded.output, exact.output), 1e-6) << "not rounded at all";
  for (std::size_t i = 0; i < exact.gradients.size(); ++i) {
    EXPECT_LT(relative_distance(rounded.gradients[i], exact.gradients[i]), largest)
        << "gradient of input " << i;
  }
}

}  // namespace bantam::op_tests
