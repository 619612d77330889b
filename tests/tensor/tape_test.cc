#include "bantam/tensor/tape.h"

#include <gmock/gmock.h>

#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

Tensor vector_of(std::initializer_list<double> values) {
  const std::vector<double> list(values);
  return Tensor::from(std::span<const double>(list), {std::ssize(list)});
}

// Records `make`, back-propagates from its result and returns the gradients.
template <class Make>
GradientStore gradients_of(Make make) {
  Tape tape;
  Tensor output;
  {
    const Tape::Recording recording(tape);
    output = make();
  }
  GradientStore store;
  tape.backward(output, store);
  return store;
}

TEST(Tape, AddsTheGradientsOfAllUsesOfAVariable) {
  const Tensor x = vector_of({2, 3}).as_variable();
  // d/dx (x² + 5x) = 2x + 5
  const auto store = gradients_of([&] { return sum(add(square(x), scale(x, 5))); });
  EXPECT_THAT(store.of(x).values(), ElementsAre(9, 11));
}

TEST(Tape, FollowsADiamondOnce) {
  const Tensor x = vector_of({3}).as_variable();
  int calls = 0;
  const auto store = gradients_of([&] {
    const Tensor shared = record("shared", {x}, square(x.stop_gradient()), [&](const Tensor& dy) {
      ++calls;
      return Gradients{scale(dy, 6)};
    });
    return sum(add(shared, scale(shared, 2)));
  });
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(store.of(x).values(), ElementsAre(18));
}

TEST(Tape, LeavesBothGradientsIntactWhenAnOpPassesOneOnTwice) {
  // add hands the same dy to both operands; adding to one must not change the other.
  const Tensor a = vector_of({1}).as_variable(), b = vector_of({1}).as_variable();
  const auto store = gradients_of([&] {
    const Tensor c = add(a, b);
    return sum(add(c, scale(a, 10)));
  });
  EXPECT_THAT(store.of(a).values(), ElementsAre(11));
  EXPECT_THAT(store.of(b).values(), ElementsAre(1));
}

TEST(Tape, RecordsNothingWithoutARecordingOrAVariable) {
  const Tensor x = vector_of({1}).as_variable();
  EXPECT_FALSE(square(x).wants_gradient());
  Tape tape;
  const Tape::Recording recording(tape);
  EXPECT_FALSE(square(x.stop_gradient()).wants_gradient());
  {
    const Tape::Paused paused;
    EXPECT_FALSE(square(x).wants_gradient());
    EXPECT_FALSE(will_back_propagate_to(x));
  }
  EXPECT_EQ(tape.size(), 0u);
  EXPECT_TRUE(square(x).wants_gradient());
  EXPECT_TRUE(will_back_propagate_to(x));
  EXPECT_EQ(tape.size(), 1u);
}

TEST(Tape, RecordingsNest) {
  const Tensor x = vector_of({1}).as_variable();
  Tape outer, inner;
  const Tape::Recording first(outer);
  square(x);
  {
    const Tape::Recording second(inner);
    square(x);
    square(x);
  }
  square(x);
  EXPECT_EQ(outer.size(), 2u);
  EXPECT_EQ(inner.size(), 2u);
}

TEST(Tape, SkipsWhatTheOutputDoesNotDependOn) {
  const Tensor x = vector_of({2}).as_variable(), y = vector_of({2}).as_variable();
  const auto store = gradients_of([&] {
    square(y);
    return sum(x);
  });
  EXPECT_TRUE(store.of(x).defined());
  EXPECT_FALSE(store.of(y).defined());
}

TEST(Tape, StartsFromTheGradientItIsGiven) {
  Tape tape;
  const Tensor x = vector_of({1, 2}).as_variable();
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = scale(x, 3);
  }
  GradientStore store;
  tape.backward(y, store, vector_of({1, -1}));
  EXPECT_THAT(store.of(x).values(), ElementsAre(3, -3));
}

TEST(Tape, LetsMemoryGoAsItWalks) {
  const std::uint64_t before = tensor_memory().current;
  Tape tape;
  GradientStore store;
  const Tensor x = Tensor::zeros({1 << 14}).as_variable();
  Tensor y = x;
  {
    const Tape::Recording recording(tape);
    for (int i = 0; i < 10; ++i) y = exp(y);
  }
  const std::uint64_t recorded = tensor_memory().current;
  reset_tensor_memory_peak();
  tape.backward(y, store);
  EXPECT_EQ(tape.size(), 0u);
  y = Tensor();
  // x and its gradient remain.
  EXPECT_EQ(tensor_memory().current - before, std::uint64_t{2} << 16);
  // A walk that kept the gradients of all ten ops would need twice the memory of the recording.
  EXPECT_LT(tensor_memory().peak - recorded, std::uint64_t{4} << 16);
}

TEST(Tape, RefusesAnOutputItDidNotRecord) {
  Tape tape;
  GradientStore store;
  const Tensor x = vector_of({1}).as_variable();
  EXPECT_THROW(tape.backward(x, store), Error);
  {
    const Tape::Recording recording(tape);
    square(x);
  }
  EXPECT_THROW(tape.backward(vector_of({1}), store), Error);
}

TEST(Tape, ReportsABackwardWithTheWrongNumberOfGradients) {
  const Tensor x = vector_of({1}).as_variable();
  EXPECT_THROW(gradients_of([&] {
                 return record("broken", {x}, square(x.stop_gradient()),
                               [](const Tensor&) { return Gradients{}; });
               }),
               Error);
}

TEST(Tape, KnowsTheSinkOfTheRunningBackward) {
  EXPECT_EQ(Tape::running_sink(), nullptr);
  const GradientSink* seen = nullptr;
  const Tensor x = vector_of({1}).as_variable();
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = record("spy", {x}, square(x.stop_gradient()), [&](const Tensor& dy) {
      seen = Tape::running_sink();
      return Gradients{dy};
    });
  }
  GradientStore store;
  tape.backward(y, store);
  EXPECT_EQ(seen, &store);
  EXPECT_EQ(Tape::running_sink(), nullptr);
}

TEST(GradientStore, NeverWritesIntoAGradientSomebodyElseHolds) {
  const Tensor leaf = vector_of({0, 0}).as_variable();
  const Tensor shared = vector_of({1, 2});
  GradientStore store;
  store.add(leaf.variable(), shared);
  store.add(leaf.variable(), shared);
  EXPECT_THAT(shared.values(), ElementsAre(1, 2));
  EXPECT_THAT(store.of(leaf).values(), ElementsAre(2, 4));
}

TEST(GradientStore, AcceptsStridedGradientsAndRefusesOtherShapes) {
  const Tensor leaf = Tensor::zeros({2, 3}, DType::f64).as_variable();
  GradientStore store;
  store.add(leaf.variable(), broadcast_to(vector_of({1}), {2, 3}));
  store.add(leaf.variable(), broadcast_to(vector_of({1}), {2, 3}));
  EXPECT_THAT(store.of(leaf).values(), Each(2.0));
  EXPECT_THROW(store.add(leaf.variable(), vector_of({1})), Error);
  store.clear();
  EXPECT_FALSE(store.of(leaf).defined());
}

}  // namespace
}  // namespace bantam
