// A labelled row as the model reads and writes it: one template for zero-shot, few-shot, training
// and use.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/data/row.h"

namespace bantam {

/// What stands before and after a label. {text} and {text_pair} are replaced by the row's fields.
struct TaskText {
  std::string prompt = "{text}\nLabel:";
  std::string answer =
      " {label}\n";  ///< its last character ends the answer, so that generation knows where to stop

  std::string prompt_of(const Row& row) const;
  std::string answer_of(std::string_view label) const;
  /// The row as prompt and completion, which is what trains.
  Row as_prompt_completion(const Row& row) const;
};

/// Throws Error(usage) when the template lacks {text}.
TaskText make_task_text(const std::string& prompt_template);

/// `count` solved rows, in the order of a seeded permutation, with as many different labels as
/// possible; what stands in front of each question of a few-shot prompt. Rows longer than 400
/// characters are passed over.
std::string few_shot_prefix(const TaskText& task, std::span<const Row> train, int count,
                            std::uint64_t seed);

}  // namespace bantam
