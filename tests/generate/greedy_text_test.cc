// The default model against transformers on its dequantized weights: ids, greedy tokens, text.
// Needs the default model (`bantam model pull`); made by tools/golden/greedy_text.py.
#include <gtest/gtest.h>

#include "bantam/generate/generator.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam {
namespace {

// Where the reference's two best logits are nearer than this, rounding may choose the other one: in
// f32 sums differ in their order only; activations of 8 bits move logits around 20 by some tenths.
double near_tie(MatmulPrecision precision) {
  return precision == MatmulPrecision::f32 ? 0.01 : 0.5;
}

std::optional<Path> find_model(const std::string& file) {
  const Path models = home_folder() / "models";
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(models, error)) {
    if (entry.path().filename() == file) return entry.path();
  }
  return std::nullopt;
}

class GreedyText : public testing::TestWithParam<MatmulPrecision> {
 protected:
  GreedyText() { set_matmul_precision(GetParam()); }
  ~GreedyText() override { set_matmul_precision(MatmulPrecision::automatic); }
};

// `automatic` rounds activations to 8 bits, as users get it.
INSTANTIATE_TEST_SUITE_P(Precisions, GreedyText,
                         testing::Values(MatmulPrecision::f32, MatmulPrecision::automatic));

TEST_P(GreedyText, EqualsTransformersUntilTheFirstNearTie) {
  const Json golden =
      parse_json(read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/generate/greedy_text.json"));
  const auto path = find_model(golden["file"].get<std::string>());
  if (!path) {
    GTEST_SKIP() << golden["file"] << " is not under " << (home_folder() / "models")
                 << "; `bantam model pull` fetches it";
  }
  Generator generator(load_model(path->string()));
  const auto& tokenizer = generator.model().tokenizer;
  std::vector<Request> requests;
  for (const Json& item : golden["items"]) {
    Request request;
    request.prompt = item["ids"].get<std::vector<std::int32_t>>();
    request.options.max_tokens = 64;
    request.options.decode = "greedy";
    EXPECT_EQ(tokenizer->encode(item["prompt"].get<std::string>(), Special::parse).ids,
              request.prompt);
    requests.push_back(std::move(request));
  }
  ASSERT_EQ(requests.size(), 20U);
  std::size_t equal = 0, whole = 0;
  const auto completions = generator.generate(requests);
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const Json& item = golden["items"][i];
    SCOPED_TRACE(item["prompt"].get<std::string>());
    const auto expected = item["tokens"].get<std::vector<std::int32_t>>();
    const auto& found = completions[i].choices[0].tokens;
    std::size_t same = 0;
    while (same < std::min(found.size(), expected.size()) && found[same] == expected[same]) ++same;
    equal += same;
    if (same == expected.size()) {
      ++whole;
      EXPECT_EQ(found.size(), expected.size());
      continue;
    }
    EXPECT_LT(item["gaps"][same].get<double>(), near_tie(GetParam()))
        << "differs at token " << same;
  }
  RecordProperty("equal_tokens", static_cast<int>(equal));
  RecordProperty("whole_answers", static_cast<int>(whole));
  EXPECT_GE(whole, GetParam() == MatmulPrecision::f32 ? 10U : 5U);
}

}  // namespace
}  // namespace bantam
