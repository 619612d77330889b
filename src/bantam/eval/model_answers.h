// A language model answering test rows: by the likelihood of each option, or by writing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/data/example.h"
#include "bantam/data/row.h"
#include "bantam/data/task_template.h"
#include "bantam/eval/answers.h"
#include "bantam/model/load_model.h"

namespace bantam {

/// Each label's text is an option; the most likely one (sum of log-probabilities, which includes
/// its end) is the answer. `prefix` stands in front of every prompt (few-shot examples) and is
/// computed once.
SystemResult answer_by_likelihood(const LoadedModel& model, std::string name,
                                  std::span<const Row> rows, std::span<const std::string> labels,
                                  const TaskTemplate& task, const std::string& prefix = "",
                                  ProgressSink& progress = silent_progress());

struct WritingReport {
  double mean_repetition = 0;  ///< repetition_rate of the answers
  double looping = 0;          ///< share of answers above 0.5
  double unfinished = 0;       ///< share that reached max_tokens without an end
};

/// Greedy answers to prompt/completion and chat rows, compared with the reference after trimming
/// white space; and the loss of the reference answer. `examples` are the rows as training reads
/// them: the last stretch of tokens with weight is the reference, what stands before it is the
/// prompt, so that measuring and training see the same tokens.
SystemResult answer_by_writing(const LoadedModel& model, std::string name,
                               std::span<const Row> rows, std::span<const Example> examples,
                               std::int64_t max_tokens, WritingReport& report,
                               ProgressSink& progress = silent_progress());

}  // namespace bantam
