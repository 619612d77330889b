// Examples that pass through the model together, laid end to end: nothing is padded, so a group of
// any lengths costs what its tokens cost.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/data/example.h"

namespace bantam {

struct MicroBatch {
  std::vector<const Example*> examples;

  std::int64_t tokens() const;
};

/// Splits `examples`, in order, into groups of at most `token_budget` tokens and `most_examples`
/// (0: any number). An example longer than the budget gets a group of its own.
std::vector<MicroBatch> split_by_tokens(std::span<const Example* const> examples,
                                        std::int64_t token_budget, std::int64_t most_examples = 0);

/// "rows.jsonl:3, rows.jsonl:17, … (32 in all)": for messages about a step.
std::string name_examples(std::span<const Example* const> examples, std::size_t most = 8);

}  // namespace bantam
