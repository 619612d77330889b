// Train, dev and test rows that share neither groups nor content.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/data/dataset.h"

namespace bantam {

struct SplitOptions {
  double dev = 0.1, test = 0.2;  ///< fractions of the rows; 0 makes none
  std::uint64_t seed = 1234;
  bool stratify = true;  ///< keep the classes' proportions, as far as groups allow
};

struct Splits {
  Dataset train, dev, test;
  std::vector<std::string> notes;  ///< what was decided and why, for people
};

/// Rows with the same group, the same input (input_of) or linked through others go to the same
/// side. Rows whose split field is set keep it; what is missing then is taken from the train rows.
/// Which side a group falls on depends on the seed and the group's name, not on the order of the
/// rows. Throws Error(input) when a side would be empty though its fraction is not 0, naming rows
/// and groups, and Error(usage) on fractions that leave no train rows.
Splits split_dataset(const Dataset& data, const SplitOptions& options = {});

/// Inputs of `test` that `train` also holds.
struct Overlap {
  std::int64_t count = 0;          ///< rows of test
  std::vector<std::string> first;  ///< where the first 5 are
};
Overlap find_overlap(const Dataset& train, const Dataset& test);

}  // namespace bantam
