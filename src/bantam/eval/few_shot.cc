#include "bantam/eval/few_shot.h"

#include <algorithm>
#include <set>
#include <vector>

#include "bantam/base/random.h"

namespace bantam {

std::string few_shot_prefix(const TaskTemplate& task, std::span<const Row> train, int count,
                            std::uint64_t seed) {
  constexpr std::size_t kLongest = 400;
  RandomStream stream(seed, "few-shot");
  const auto order = stream.permutation(static_cast<std::uint32_t>(train.size()));
  std::vector<std::uint32_t> chosen;
  std::set<std::string> labels;
  // First pass: new labels only. Second: whatever comes, until there are enough.
  for (const bool only_new : {true, false}) {
    for (const std::uint32_t row : order) {
      if (static_cast<int>(chosen.size()) >= count) break;
      if (train[row].text.size() > kLongest || std::ranges::find(chosen, row) != chosen.end()) {
        continue;
      }
      if (labels.insert(train[row].label).second || !only_new) chosen.push_back(row);
    }
  }
  std::string prefix;
  for (const std::uint32_t row : chosen) {
    prefix +=
        fill_template(task.prompt, train[row]) + fill_template(task.answer, train[row]) + "\n";
  }
  return prefix;
}

}  // namespace bantam
