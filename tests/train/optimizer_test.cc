// Every optimizer against torch in f64: tests/golden/train/updates.json.
#include "bantam/train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/threads.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

Tensor row(const Json& values) {
  const auto numbers = values.get<std::vector<double>>();
  const std::vector<float> floats(numbers.begin(), numbers.end());
  return Tensor::from(std::span<const float>(floats), {static_cast<std::int64_t>(floats.size())});
}

std::vector<Tensor> fresh_state(const Optimizer& optimizer, const Shape& shape) {
  std::vector<Tensor> state;
  for (std::size_t i = 0; i < optimizer.state_names().size(); ++i) {
    state.push_back(Tensor::zeros(shape));
  }
  return state;
}

TEST(Optimizer, EqualsTorchAfterAHundredUpdates) {
  const Json golden = read_json(golden_folder() / "train/updates.json")["optimizers"];
  for (const auto& [spec, end] : golden["ends"].items()) {
    const auto optimizer = make_optimizer(spec);
    Tensor weight = row(golden["start"]);
    std::vector<Tensor> state = fresh_state(*optimizer, weight.shape());
    UpdateStep step{.rate = golden["lr"].get<double>(),
                    .weight_decay = golden["weight_decay"][spec].get<double>(),
                    .count = 0};
    for (const Json& gradient : golden["gradients"]) {
      ++step.count;
      optimizer->update(weight, row(gradient), state, step);
    }
    const auto expected = end.get<std::vector<double>>();
    double norm = 0;
    for (const double value : expected) norm = std::max(norm, std::abs(value));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      // f32 state against f64: a hundred roundings of values of this size.
      EXPECT_NEAR(weight.values()[i], expected[i], 1e-5 * norm) << spec << " element " << i;
    }
  }
}

TEST(Optimizer, GivesTheSameBitsAtAnyThreadCount) {
  const std::int64_t count = 3 * kUpdateChunk + 17;
  const RandomStream random(1, "test");
  std::vector<float> start, gradient;
  for (std::int64_t i = 0; i < count; ++i) {
    start.push_back(static_cast<float>(random.normal_at(static_cast<std::uint64_t>(2 * i))));
    gradient.push_back(static_cast<float>(random.normal_at(static_cast<std::uint64_t>(2 * i + 1))));
  }
  const auto run = [&](int threads) {
    const int before = thread_count();
    set_thread_count(threads);
    const auto optimizer = make_optimizer("adamw");
    Tensor weight = Tensor::from(std::span<const float>(start), {count});
    std::vector<Tensor> state = fresh_state(*optimizer, weight.shape());
    for (std::int64_t t = 1; t <= 3; ++t) {
      optimizer->update(weight, Tensor::from(std::span<const float>(gradient), {count}), state,
                        {.rate = 0.1, .weight_decay = 0.01, .gradient_scale = 0.5, .count = t});
    }
    set_thread_count(before);
    return weight.values();
  };
  EXPECT_EQ(run(1), run(2));
}

TEST(Optimizer, ScalesTheGradientFirst) {
  const auto optimizer = make_optimizer("sgd");
  Tensor weight = Tensor::full({2}, 1.0);
  std::vector<Tensor> none;
  optimizer->update(weight, Tensor::full({2}, 8.0), none, {.rate = 0.5, .gradient_scale = 0.25});
  EXPECT_THAT(weight.values(), testing::ElementsAre(0.0, 0.0));
}

TEST(Optimizer, NamesWhatIsWrongInItsSpec) {
  const auto message = [](std::string_view spec) -> std::string {
    try {
      make_optimizer(spec);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::usage);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message("adamv"), testing::HasSubstr("nearest: adamw"));
  EXPECT_THAT(message("adamw:beta3=0.9"), testing::HasSubstr("beta3"));
  EXPECT_THAT(message("adamw:beta2=1.5"), testing::HasSubstr("1.5"));
  EXPECT_THAT(message("adamw:0.9"), testing::HasSubstr("KEY=VALUE"));
  EXPECT_THAT(message("sgd:nesterov=yes"), testing::HasSubstr("momentum"));
}

}  // namespace
}  // namespace bantam
