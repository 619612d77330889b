#include "bantam/nn/taps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/nn/linear_layer.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// y = (x W1ᵀ) W2ᵀ with all ones but W1 = 2: numbers one can check by hand.
struct TwoLayers {
  LinearLayer first{"a", Tensor::full({2, 2}, 2), {}, {}};
  LinearLayer second{"b", Tensor::full({1, 2}, 1), {}, {}};
  Tensor forward(const Tensor& x, Taps* taps) const {
    return second.forward(first.forward(x, taps), taps);
  }
};

const Tensor kOnes = Tensor::full({1, 2}, 1);

TEST(Taps, RecordKeepsWhatPasses) {
  Taps taps;
  taps.record("a.out");
  TwoLayers().forward(kOnes, &taps);
  EXPECT_THAT(taps.recorded("a.out").values(), ElementsAre(4, 4));
  EXPECT_THAT(taps.passed(), ElementsAre("a.in", "a.out", "b.in", "b.out"));
}

TEST(Taps, WithoutWishesNothingChanges) {
  Taps taps;
  EXPECT_EQ(TwoLayers().forward(kOnes, &taps).item(), TwoLayers().forward(kOnes, nullptr).item());
}

TEST(Taps, ReplaceActsOnWhatFollows) {
  Taps taps;
  taps.replace("b.in", [](const Tensor& x) { return scale(x, 10); });
  EXPECT_EQ(TwoLayers().forward(kOnes, &taps).item(), 80);
}

TEST(Taps, AReplacementOfAnotherShapeIsRefused) {
  Taps taps;
  taps.replace("b.in", [](const Tensor&) { return Tensor::zeros({1, 3}); });
  try {
    TwoLayers().forward(kOnes, &taps);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("b.in"));
    EXPECT_THAT(error.what(), HasSubstr("[1, 3]"));
  }
}

TEST(Taps, AMissingRecordNamesANearSite) {
  Taps taps;
  TwoLayers().forward(kOnes, &taps);
  try {
    taps.recorded("a.outt");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'a.out'"));
  }
}

TEST(Taps, GradientsArriveAtASiteThoughNoWeightWantsOne) {
  Taps taps;
  taps.want_gradient("b.in");
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = TwoLayers().forward(kOnes, &taps);
  }
  EXPECT_FALSE(taps.gradient("b.in").defined());
  GradientStore gradients;
  tape.backward(y, gradients);
  EXPECT_THAT(taps.gradient("b.in").values(), ElementsAre(1, 1));
  EXPECT_THAT(taps.recorded("b.in").values(), ElementsAre(4, 4));
}

TEST(Taps, FreezeStopsGradientsBeforeTheSite) {
  TwoLayers model;
  model.first.weight = model.first.weight.as_variable();
  model.second.weight = model.second.weight.as_variable();
  Taps taps;
  taps.freeze("a.out");
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = model.forward(kOnes, &taps);
  }
  GradientStore gradients;
  tape.backward(y, gradients);
  EXPECT_FALSE(gradients.of(model.first.weight).defined());
  EXPECT_THAT(gradients.of(model.second.weight).values(), ElementsAre(4, 4));
}

}  // namespace
}  // namespace bantam
