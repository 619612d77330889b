#include "bantam/tensor/ops/embedding.h"

#include <gmock/gmock.h>

#include <array>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using testing::AllOf;
using testing::HasSubstr;

OP_CASES(embedding) {
  yield({normal({7, 5}), exact_ids({3, 0, 3, 6, 3})}, embedding);
  yield({normal({1, 1}), exact_ids({0, 0})}, embedding);
  yield({normal({11, 129}), ids(40, 11)}, embedding);
  yield({normal({4, 3}), exact_ids({})}, embedding);
  yield.timed({normal({49152, 576}), ids(640, 49152)}, embedding).moves(2.0 * 640 * 576 * 4);
}

TEST(Embedding, DecodesRowsOfAQuantizedTable) {
  RandomStream random(1, "table");
  const Tensor table = encoded({9, 64}, DType::q4_1)(random);
  const Tensor ids = exact_ids({8, 2})(random);
  const std::vector<double> all = table.values(), rows = embedding(table, ids).values();
  EXPECT_EQ(std::vector(rows.begin(), rows.begin() + 64),
            std::vector(all.begin() + 8 * 64, all.end()));
  EXPECT_EQ(std::vector(rows.begin() + 64, rows.end()),
            std::vector(all.begin() + 2 * 64, all.begin() + 3 * 64));
}

TEST(Embedding, ReadsRowsOfATableThatIsArrangedForProducts) {
  RandomStream random(1, "table");
  const Tensor table = encoded({37, 256}, DType::q4_1)(random);
  const Tensor ids = exact_ids({36, 2, 2, 0, 31})(random);
  const std::vector<double> before = embedding(table, ids).values();
  const Backend& cpu = backend(Tensor::empty({1}));
  if (cpu.rounds_for == nullptr || !cpu.rounds_for(DType::q4_1)) GTEST_SKIP() << "no such form";
  std::vector<float> rows(256);
  const std::array<std::int32_t, 1> first = {36};
  EXPECT_FALSE(cpu.read_rounded_rows(table, first, rows.data()));
  cpu.prepare_rounded({&table, 1});
  EXPECT_TRUE(cpu.read_rounded_rows(table, first, rows.data()));
  EXPECT_EQ(std::vector<double>(rows.begin(), rows.end()),
            std::vector(before.begin(), before.begin() + 256));
  EXPECT_EQ(embedding(table, ids).values(), before);
}

TEST(Embedding, AddsItsRowsToAGradientThatTheTableHasAlready) {
  RandomStream random(3, "tied");
  const Tensor table = normal({7, 5})(random).as_variable(), ids = exact_ids({3, 0, 3})(random);
  const auto gradient_of = [&](bool is_used_twice) {
    Tape tape;
    GradientStore gradients;
    Tensor y;
    {
      const Tape::Recording recording(tape);
      y = sum(square(embedding(table, ids)));
      if (is_used_twice) y = add(y, sum(square(table)));
    }
    tape.backward(y, gradients);
    return gradients.of(table);
  };
  const std::vector<double> rows = gradient_of(false).values(), both = gradient_of(true).values();
  const std::vector<double> values = table.values();
  for (std::size_t i = 0; i < both.size(); ++i) {
    EXPECT_DOUBLE_EQ(both[i], rows[i] + 2 * values[i]) << i;
  }
  EXPECT_DOUBLE_EQ(rows[3 * 5], 4 * values[3 * 5]) << "the row of a repeated id counts twice";
}

TEST(Embedding, NamesThePositionOfAnIdOutsideTheTable) {
  RandomStream random(1, "ids");
  for (const std::int32_t id : {-1, 7}) {
    try {
      embedding(Tensor::zeros({7, 2}), exact_ids({1, id})(random));
      FAIL() << "id " << id << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::input);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("id " + std::to_string(id)),
                                      HasSubstr("position 1"), HasSubstr("7 rows")));
    }
  }
}

}  // namespace
}  // namespace bantam
