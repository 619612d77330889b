#include "bantam/train/data_order.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/random.h"

namespace bantam {

DataOrder::DataOrder(std::span<const Example> examples, std::int64_t batch, std::uint64_t seed)
    : examples_(examples),
      batch_(batch),
      steps_per_epoch_((static_cast<std::int64_t>(examples.size()) + batch - 1) / batch),
      seed_(seed) {
  if (examples.empty()) throw input_error("training data: 0 examples");
}

std::vector<const Example*> DataOrder::window(std::int64_t step) {
  const std::int64_t epoch = epoch_of(step);
  if (epoch != epoch_) {
    permutation_ = RandomStream(seed_, "data-order", static_cast<std::uint64_t>(epoch))
                       .permutation(static_cast<std::uint32_t>(examples_.size()));
    epoch_ = epoch;
  }
  const std::int64_t begin = (step - epoch * steps_per_epoch_) * batch_;
  const std::int64_t end = std::min(begin + batch_, static_cast<std::int64_t>(examples_.size()));
  std::vector<const Example*> chosen;
  for (std::int64_t i = begin; i < end; ++i) chosen.push_back(&examples_[permutation_[i]]);
  return chosen;
}

std::string hash_of_examples(std::span<const Example> examples) {
  // A hash of hashes: one example at a time in memory, and no two lists of examples share a text.
  std::string hashes;
  for (const Example& example : examples) {
    hashes += sha256(std::as_bytes(std::span(example.ids)));
    hashes += sha256(std::as_bytes(std::span(example.weights)));
    // Only where there are any: the hashes of runs on plain tokens stay what they were.
    for (const auto* more : {&example.source, &example.types, &example.labels}) {
      if (!more->empty()) hashes += sha256(std::as_bytes(std::span(*more)));
    }
  }
  return sha256(std::as_bytes(std::span(hashes)));
}

}  // namespace bantam
