// Which examples a step sees: each epoch is a permutation keyed by (seed, epoch), cut into windows
// of `batch` examples, the last of an epoch being shorter when they do not divide. A pure function
// of the step: a resumed run needs no reader state.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/data/example.h"

namespace bantam {

class DataOrder {
 public:
  /// `examples` must outlive the order. Throws Error(input) when there are none.
  DataOrder(std::span<const Example> examples, std::int64_t batch, std::uint64_t seed);

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::int64_t epoch_of(std::int64_t step) const { return step / steps_per_epoch_; }
  bool is_last_of_epoch(std::int64_t step) const { return (step + 1) % steps_per_epoch_ == 0; }
  /// The examples of step 0, 1, …
  std::vector<const Example*> window(std::int64_t step);

 private:
  std::span<const Example> examples_;
  std::int64_t batch_, steps_per_epoch_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;  ///< whose permutation is held
  std::vector<std::uint32_t> permutation_;
};

/// SHA-256 over what all examples hold, in order: what "the same data" means for resume.
std::string hash_of_examples(std::span<const Example> examples);

}  // namespace bantam
