// One training example as the trainer sees it: token ids and how much each counts as a target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bantam {

struct Example {
  std::vector<std::int32_t> ids;  ///< [n] tokens of one sequence, beginning to end
  /// [n] how much the prediction of ids[t] from the tokens before it counts; 0: not a target.
  /// weights[0] is ignored, since nothing stands before the first token.
  std::vector<float> weights;
  std::string id;  ///< for people and records: "bank.jsonl:17"
};

}  // namespace bantam
