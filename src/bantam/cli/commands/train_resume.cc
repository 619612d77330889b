#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/cli/training_job.h"

namespace bantam {
namespace {

struct TrainResumeOptions {
  bool accept_data_change = false;
};

}  // namespace

template <>
void describe(Describer<TrainResumeOptions>& d) {
  d(&TrainResumeOptions::accept_data_change, "accept_data_change",
    "Go on although the training data is not what the run began with.");
}

namespace {

// A folder as given, or the output folder that a run recorded.
Path folder_of(const std::string& text) {
  if (std::filesystem::is_directory(text)) return text;
  const RunRecord run = RunStore::open(home_folder())->get(text);
  if (!run.config.contains("out") || !run.config["out"].is_string()) {
    throw input_error("run {} wrote no output folder, so there is nothing to resume", run.id);
  }
  return run.config["out"].get<std::string>();
}

class TrainResume final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    TrainingJob job;
    TrainingJob::Place place;
    job.read(folder_of(session.arguments()[0]), place);
    if (options_.accept_data_change) {
      for (Option& option : job.options()) {
        if (option.key == "accept_data_change") option.set(true);
      }
    }
    return job.run(session, place);
  }

 private:
  TrainResumeOptions options_;
};

}  // namespace

Command train_resume_command() {
  return {.name = "train resume",
          .group = CommandGroup::make_model,
          .summary = "Go on with a training run that was interrupted.",
          .details =
              "Goes back to the newest checkpoint that verifies and continues to the end of "
              "the run as it was planned, with the options it began with.",
          .arguments = {{"RUN", "The run's id, or its output folder."}},
          .examples = {{"bantam train resume bank", "The run that writes into ./bank."}},
          .shared = {"no_run", "name"},
          .recorded = true,
          .body = [] { return std::make_unique<TrainResume>(); }};
}

}  // namespace bantam
