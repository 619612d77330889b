// Deltas of several linears that are one linear elsewhere: Hugging Face's Phi-3 and GPT-2 form
// queries, keys and values with one weight, whose rows are those of ours end to end. Both
// directions are exact.
#pragma once

#include <string>
#include <vector>

#include "bantam/model/peft_files.h"

namespace bantam {

/// One of our linears within a module of PEFT, in the order of rows.
struct LoraPart {
  std::string site;
  std::int64_t inputs = 0, outputs = 0;
  std::int64_t first_row = 0;  ///< in the module's output
  LoraPair pair = {};          ///< undefined: no delta
};

/// Sets first_row of each.
void place_rows(std::vector<LoraPart>& parts);

/// The module's pair: A holds the parts' A below each other, B the parts' B on a diagonal, zeros
/// elsewhere and for a part without a delta. A single part is itself.
LoraPair joined_lora(const std::vector<LoraPart>& parts, int rank);

/// What a pair of the module does to the rows of one part. Throws Error(input) naming the module
/// when the pair is too short.
LoraPair part_of_lora(const LoraPair& pair, const LoraPart& part, const std::string& module);

}  // namespace bantam
