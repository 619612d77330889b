// A small training run that can end itself at a named point: what resume_test.cc starts.
//
//   kill_child FOLDER full|lora|seq2seq|classify [POINT N]      resumes when FOLDER has a
//   checkpoint
//
// With POINT and N, raises SIGKILL at the N-th passage of the point. Prints nothing.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "bantam/base/threads.h"
#include "bantam/model/load_seq2seq.h"
#include "bantam/train/trainer.h"
#include "tests/train/tiny_model.h"

namespace {

int passage(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

using namespace bantam;

// What is trained, of which kind. The models live as long as the program.
struct Subject {
  TrainableModel model;
  std::vector<Parameter> parameters;
  std::string objective;
};

Subject subject_of(const std::string& kind) {
  const Path models = golden_folder() / "model";
  if (kind == "seq2seq") {
    static const auto model = load_seq2seq(models / "seq2seq/t5").model;
    return {*model, model->parameters(), "seq2seq:label_smoothing=0.1"};
  }
  if (kind == "classify") {
    std::vector<std::string> warnings;
    static EncoderModel model =
        read_encoder_model(models / "encoder_heads/bert-sequence", warnings);
    return {model, model.parameters(), "classify"};
  }
  static const auto model = tiny_model();
  if (kind == "lora") model->attach(model->make_adapter("task", {.rank = 4}, 9));
  return {*model, model->parameters(), "sft"};
}

std::vector<Example> examples_of(const std::string& kind, int count, std::uint64_t seed) {
  std::vector<Example> examples = random_examples(count, 3, 24, seed);
  if (kind != "seq2seq" && kind != "classify") return examples;
  for (Example& example : examples) {
    for (std::int32_t& id : example.ids) id = 3 + id % 26;  // of smaller vocabularies
    if (kind == "seq2seq") {
      example.source = {example.ids.rbegin(), example.ids.rend()};
    } else {
      example.types.assign(example.ids.size(), 0);
      example.labels = {example.ids.front() % 3};
      example.weights = {1};
    }
  }
  return examples;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 5) return 2;
  try {
    set_thread_count(2);
    const std::string kind = arguments[2];
    const Subject subject = subject_of(kind);
    const auto train = examples_of(kind, 14, 3), dev = examples_of(kind, 4, 4);
    TrainOptions options;
    options.objective = subject.objective;
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
    Trainer trainer(
        subject.model,
        ParameterSet::select(subject.parameters, kind == "lora" ? "adapters" : "all", 3),
        {train, dev}, options, hooks, arguments[1]);
    trainer.resume();
    trainer.run();
    // What a user keeps: the weights that the run ends with.
    NamedTensorList weights;
    for (const Parameter& parameter : subject.parameters) {
      weights.emplace_back(parameter.name, *parameter.tensor);
    }
    write_safetensors(Path(arguments[1]) / "final.safetensors", weights);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
