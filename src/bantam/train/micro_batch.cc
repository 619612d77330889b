#include "bantam/train/micro_batch.h"

#include "bantam/base/error.h"

namespace bantam {

std::int64_t MicroBatch::tokens() const {
  std::int64_t total = 0;
  for (const Example* example : examples) total += example->tokens();
  return total;
}

std::vector<MicroBatch> split_by_tokens(std::span<const Example* const> examples,
                                        std::int64_t token_budget, std::int64_t most_examples) {
  std::vector<MicroBatch> groups;
  std::int64_t tokens = 0;
  for (const Example* example : examples) {
    const std::int64_t length = example->tokens();
    const bool full = groups.empty() || tokens + length > token_budget ||
                      (most_examples > 0 &&
                       static_cast<std::int64_t>(groups.back().examples.size()) >= most_examples);
    if (full) {
      groups.emplace_back();
      tokens = 0;
    }
    groups.back().examples.push_back(example);
    tokens += length;
  }
  return groups;
}

std::string name_examples(std::span<const Example* const> examples, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < examples.size() && i < most; ++i) {
    text += (i == 0 ? "" : ", ") + escaped(examples[i]->id, 80);
  }
  if (examples.size() > most) text += fmt::format(", … ({} in all)", examples.size());
  return text;
}

}  // namespace bantam
