#include "bantam/recipe/tune/tune_options.h"

#include <algorithm>

#include "bantam/model/gguf_weight_types.h"

namespace bantam {

template <>
void describe(Describer<TuneOptions>& d) {
  d(&TuneOptions::model, "model",
    "Model to teach: a file, a folder, a name in the model store; default: smollm2-135m-instruct.");
  d(&TuneOptions::task, "task",
    "Kind of rows, if it should not be recognized: classification, prompt-completion, chat.");
  d(&TuneOptions::prompt_template, "template",
    "Prompt for labelled rows, with {text} where the text goes; default '{text}\\nLabel:'.");
  d(&TuneOptions::budget, "budget", "Time for training; measuring before and after comes on top.");
  d(&TuneOptions::full, "full",
    "Train all weights instead of a LoRA adapter over the quantized ones.");
  d(&TuneOptions::rank, "rank", "LoRA rank.", between(1, 1024));
  d(&TuneOptions::learning_rate, "lr", "Peak learning rate.", between(1e-8, 1.0));
  d(&TuneOptions::batch, "batch", "Rows an optimizer step.",
    between(std::int64_t{1}, std::int64_t{65536}));
  d(&TuneOptions::epochs, "epochs",
    "Passes over the training rows, instead of what the budget allows.", above(0.0));
  d(&TuneOptions::max_length, "max_length",
    "Tokens of a row; longer rows are shortened and counted. 0: the context.",
    at_least(std::int64_t{0}));
  d(&TuneOptions::shots, "shots", "Solved examples in the few-shot baseline; 0 leaves it out.",
    between(0, 64));
  d(&TuneOptions::limit_test, "limit_test", "Measure on at most this many test rows; 0: all.",
    at_least(std::int64_t{0}));
  d(&TuneOptions::exports, "export", "What to write: peft, gguf, hf; none writes nothing.");
  d(&TuneOptions::export_type, "export_type",
    "Weight type of the merged GGUF file, as --type of model convert.");
}

void validate(const TuneOptions& options) {
  const std::vector<std::string> kinds = {"peft", "gguf", "hf", "none"};
  for (const std::string& wanted : options.exports) {
    if (std::ranges::find(kinds, wanted) == kinds.end())
      throw_unknown_name("export", wanted, kinds);
  }
  const std::vector<std::string> tasks = {"", "classification", "prompt-completion", "chat"};
  if (std::ranges::find(tasks, options.task) == tasks.end())
    throw_unknown_name("task", options.task, tasks);
  gguf_file_type(gguf_weight_type_named(options.export_type));  // throws for one of no file
}

}  // namespace bantam
