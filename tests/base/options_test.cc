#include "bantam/base/options.h"

#include "bantam/base/files.h"
#include "tests/base/expect_error.h"

namespace bantam {
namespace {

struct Inner {
  std::optional<float> rate;
  std::vector<std::string> stop;
};
struct Outer {
  float temperature = 0.7f;
  int top_k = 0;
  std::int64_t steps = 5;
  double decay = 1e-3;
  bool packed = false;
  std::string norm = "tokens";
  Path out = "here";
  Duration budget{372};
  ByteCount memory{1 << 20};
  std::optional<int> rank;
  Inner inner;
};

}  // namespace

template <>
void describe(Describer<Inner>& d) {
  d(&Inner::rate, "rate", "Learning rate.", above(0.0f));
  d(&Inner::stop, "stop", "Stop texts.");
}
template <>
void describe(Describer<Outer>& d) {
  d(&Outer::temperature, "temperature", "Softness.", at_least(0.0f));
  d(&Outer::top_k, "top_k", "Keep this many.", at_least(0));
  d(&Outer::steps, "steps", "Steps.");
  d(&Outer::decay, "decay", "Decay.");
  d(&Outer::packed, "packed", "Pack rows.");
  d(&Outer::norm, "norm", "Denominator.", OneOf{{"tokens", "rows"}});
  d(&Outer::out, "out", "Output.");
  d(&Outer::budget, "budget", "Time.");
  d(&Outer::memory, "memory", "Memory.");
  d(&Outer::rank, "rank", "Rank.", between(1, 64));
  d.nested(&Outer::inner);
}

namespace {

class Options : public testing::Test {
 protected:
  Option& at(const std::string& key) {
    for (Option& option : options_) {
      if (option.key == key) return option;
    }
    throw std::out_of_range(key);
  }
  Outer object_;
  std::vector<Option> options_ = options_of(object_);
};

TEST_F(Options, DeclareEachFieldOnceNestedOnesIncluded) {
  EXPECT_EQ(options_.size(), 12u);
  EXPECT_EQ(at("temperature").default_text, "0.7");
  EXPECT_EQ(at("temperature").range_text, "at least 0");
  EXPECT_EQ(at("rank").default_text, "");
  EXPECT_EQ(at("budget").default_text, "6m12s");
  EXPECT_EQ(at("norm").range_text, "tokens, rows");
  EXPECT_EQ(at("stop").kind, OptionKind::list);
}

TEST_F(Options, TextOfTheShellReachesEveryKindOfField) {
  at("temperature").set("50%");
  at("top_k").set("2k");
  at("packed").set("yes");
  at("norm").set("rows");
  at("budget").set("1h");
  at("memory").set("2MiB");
  at("rank").set("8");
  at("rate").set("1e-4");
  at("stop").set("a,b");
  EXPECT_FLOAT_EQ(object_.temperature, 0.5f);
  EXPECT_EQ(object_.top_k, 2000);
  EXPECT_TRUE(object_.packed);
  EXPECT_EQ(object_.norm, "rows");
  EXPECT_EQ(object_.budget.seconds, 3600);
  EXPECT_EQ(object_.memory.bytes, 2u << 20);
  EXPECT_EQ(object_.rank, 8);
  EXPECT_FLOAT_EQ(object_.inner.rate.value(), 1e-4f);
  EXPECT_THAT(object_.inner.stop, testing::ElementsAre("a", "b"));
}

TEST_F(Options, AListOfAFileKeepsItsCommas) {
  at("stop").set(Json::array({"a,b", "c"}));
  EXPECT_THAT(object_.inner.stop, testing::ElementsAre("a,b", "c"));
}

TEST_F(Options, NullUnsetsAnOptional) {
  at("rank").set("8");
  at("rank").set(nullptr);
  EXPECT_FALSE(object_.rank);
  EXPECT_TRUE(at("rank").get().is_null());
}

TEST_F(Options, AWrongValueNamesFlagRangeAndValueAndChangesNothing) {
  EXPECT_ERROR(at("temperature").set("-1"), usage,
               "--temperature: expected at least 0, found '-1'");
  EXPECT_ERROR(at("temperature").set("nan"), usage, "finite");
  EXPECT_ERROR(at("temperature").set(1e39), usage, "finite", "1e+39");
  EXPECT_ERROR(at("top_k").set("1e3"), usage, "--top-k", "whole number", "1e3");
  EXPECT_ERROR(at("top_k").set("3000000000"), usage, "from -2147483648 to 2147483647");
  EXPECT_ERROR(at("top_k").set(1.5), usage, "whole number");
  EXPECT_ERROR(at("steps").set("99999999999999999999"), usage, "--steps");
  EXPECT_ERROR(at("rank").set("128"), usage, "from 1 to 64");
  EXPECT_ERROR(at("rate").set("0"), usage, "more than 0");
  EXPECT_ERROR(at("norm").set("row"), usage, "tokens, rows", "'row'", "nearest: rows");
  EXPECT_ERROR(at("packed").set("False"), usage, "true or false");
  EXPECT_ERROR(at("budget").set("5x"), usage, "--budget", "duration");
  EXPECT_FLOAT_EQ(object_.temperature, 0.7f);
  EXPECT_EQ(object_.top_k, 0);
  EXPECT_FALSE(object_.rank);
}

TEST_F(Options, WhatIsReadBackIsWhatWasDeclared) {
  EXPECT_EQ(dump_json(at("temperature").get()), "0.7");
  at("temperature").set(at("temperature").get());
  EXPECT_EQ(object_.temperature, 0.7f);
}

}  // namespace
}  // namespace bantam
