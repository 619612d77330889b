#include "bantam/tensor/ops/checkpoint.h"

#include <gmock/gmock.h>

#include <cstring>
#include <string>

#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

// x + silu(x w1ᵀ) w2ᵀ: the shape of a decoder's block, with weights that are not inputs.
Tensor block(const Tensor& x, const Tensor& w1, const Tensor& w2) {
  return add(x, linear(silu(linear(x, w1)), w2));
}

struct Network {
  Tensor x, w1, w2;
};

Network network(DType dtype) {
  RandomStream stream(6, "checkpoint-test");
  const auto make = [&](const Shape& shape) {
    return cast(normal(shape, 0.3)(stream), dtype).as_variable();
  };
  return {make({33, 24}), make({48, 24}), make({24, 48})};
}

struct Outcome {
  Tensor output;
  GradientStore gradients;
};

// Three blocks that share their weights.
Outcome run(const Network& n, bool checkpointed) {
  Outcome result;
  Tape tape;
  {
    const Tape::Recording recording(tape);
    Tensor x = n.x;
    for (int i = 0; i < 3; ++i) {
      const auto segment = [&n](Inputs in) { return block(in[0], n.w1, n.w2); };
      x = checkpointed ? checkpoint(segment, {x}) : block(x, n.w1, n.w2);
    }
    result.output = sum(square(x));
  }
  tape.backward(result.output, result.gradients);
  return result;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.defined() && b.defined() && a.byte_size() == b.byte_size() &&
         std::memcmp(a.bytes(), b.bytes(), a.byte_size()) == 0;
}

OP_CASES(checkpoint) {
  const auto op = [](Inputs in) {
    return checkpoint([](Inputs inner) { return block(inner[0], inner[1], inner[2]); },
                      {in.begin(), in.end()});
  };
  yield({normal({3, 4}), normal({6, 4}), normal({4, 6})}, op);
  // Weights as leaves that the segment captures.
  yield({normal({3, 4}), normal({6, 4}), normal({4, 6})}, [](Inputs in) {
    return checkpoint([w1 = in[1], w2 = in[2]](Inputs inner) { return block(inner[0], w1, w2); },
                      {in[0]});
  });
  // One checkpoint inside another.
  yield({normal({3, 4}), normal({6, 4}), normal({4, 6})}, [op](Inputs in) {
    return checkpoint([op](Inputs inner) { return square(op(inner)); }, {in.begin(), in.end()});
  });
}

TEST(Checkpoint, ChangesNoBitOfValueOrGradient) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Network n = network(dtype);
    const Outcome plain = run(n, false), checkpointed = run(n, true);
    EXPECT_TRUE(same_bits(plain.output, checkpointed.output));
    for (const Tensor& leaf : {n.x, n.w1, n.w2}) {
      EXPECT_TRUE(same_bits(plain.gradients.of(leaf), checkpointed.gradients.of(leaf)));
    }
  }
}

TEST(Checkpoint, ReachesWeightsInsideWhenNoInputWantsAGradient) {
  Network n = network(DType::f32);
  n.x = n.x.stop_gradient();
  const Outcome plain = run(n, false), checkpointed = run(n, true);
  EXPECT_TRUE(same_bits(plain.gradients.of(n.w1), checkpointed.gradients.of(n.w1)));
  EXPECT_TRUE(same_bits(plain.gradients.of(n.w2), checkpointed.gradients.of(n.w2)));
}

TEST(Checkpoint, RecordsNothingWhenNothingInsideWantsAGradient) {
  Tape tape;
  const Tape::Recording recording(tape);
  const Tensor y = checkpoint([](Inputs in) { return square(in[0]); }, {Tensor::zeros({3})});
  EXPECT_FALSE(y.wants_gradient());
  EXPECT_EQ(tape.size(), 0u);
}

TEST(Checkpoint, KeepsOnlyInputsUntilBackward) {
  const Tensor x = Tensor::zeros({1 << 16}).as_variable();
  const auto memory_after = [&](bool checkpointed) {
    Tape tape;
    const Tape::Recording recording(tape);
    const auto segment = [](Inputs in) {
      Tensor y = in[0];
      for (int i = 0; i < 8; ++i) y = exp(y);
      return y;
    };
    const std::uint64_t before = tensor_memory().current;
    const Tensor y = checkpointed ? checkpoint(segment, {x}) : segment(std::vector{x});
    return tensor_memory().current - before;
  };
  constexpr std::uint64_t kOne = (1 << 16) * sizeof(float);
  EXPECT_GE(memory_after(false), 8 * kOne);
  EXPECT_LT(memory_after(true), 2 * kOne);
}

TEST(Checkpoint, RefusesToLoseAGradientThatLeavesThroughACapturedValue) {
  Tape tape;
  GradientStore store;
  const Tensor x = Tensor::full({3}, 2).as_variable();
  Tensor y;
  {
    const Tape::Recording recording(tape);
    const Tensor recorded = square(x);
    y = sum(checkpoint([recorded](Inputs in) { return multiply(in[0], recorded); }, {x}));
  }
  EXPECT_THROW(tape.backward(y, store), Error);
}

TEST(Checkpoint, RunsTheSegmentOnceWithoutATape) {
  int runs = 0;
  checkpoint(
      [&runs](Inputs in) {
        ++runs;
        return in[0];
      },
      {Tensor::zeros({1})});
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace bantam
