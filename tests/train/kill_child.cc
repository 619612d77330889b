// A small training run that can end itself at a named point: what resume_test.cc starts.
//
//   kill_child FOLDER full|lora [POINT N]      resumes when FOLDER has a checkpoint
//
// With POINT and N, raises SIGKILL at the N-th passage of the point. Prints nothing.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "bantam/base/threads.h"
#include "bantam/train/trainer.h"
#include "tests/train/tiny_model.h"

namespace {

int passage(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

int main(int count, char** arguments) {
  using namespace bantam;
  if (count != 3 && count != 5) return 2;
  try {
    set_thread_count(2);
    const auto model = tiny_model();
    const bool lora = std::string(arguments[2]) == "lora";
    if (lora) model->attach(model->make_adapter("task", {.rank = 4}, 9));
    const auto train = random_examples(14, 3, 24, 3), dev = random_examples(4, 3, 24, 4);
    TrainOptions options;
    options.batch = 4;
    options.micro_batch_tokens = 40;
    options.learning_rate = 5e-3;
    options.weight_decay = 0.01;
    options.length.steps = 16;  // windows of 4 and one of 2: an epoch is 4 steps
    options.evaluation.evaluate_every = 3;
    options.checkpoints.checkpoint_every = 4;
    TrainHooks hooks;
    if (count == 5) {
      hooks.at_point = [point = std::string(arguments[3]), left = passage(arguments[4])](
                           std::string_view name, std::int64_t) mutable {
        if (name == point && --left == 0) std::raise(SIGKILL);
      };
    }
    Trainer trainer(*model, ParameterSet::select(model->parameters(), lora ? "adapters" : "all", 2),
                    {train, dev}, options, hooks, arguments[1]);
    trainer.resume();
    trainer.run();
    // What a user keeps: the weights that the run ends with.
    NamedTensorList weights;
    for (const Parameter& parameter : model->parameters()) {
      weights.emplace_back(parameter.name, *parameter.tensor);
    }
    write_safetensors(Path(arguments[1]) / "final.safetensors", weights);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
