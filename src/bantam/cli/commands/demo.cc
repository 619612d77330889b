#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tune_summary.h"
#include "bantam/cli/session.h"
#include "bantam/data/debian_packages.h"
#include "bantam/model/hub.h"
#include "bantam/model/model_reference.h"
#include "bantam/recipe/tune/tune.h"

namespace bantam {

namespace {

struct DemoOptions {
  TuneOptions tune;
  bool resume = false;
};

}  // namespace

template <>
void describe(Describer<DemoOptions>& d) {
  d.nested(&DemoOptions::tune);
  d(&DemoOptions::resume, "resume", "Go on with the run that was interrupted in --out.");
}

namespace {

class Demo final : public CommandBody {
 public:
  std::vector<Option> options() override {
    options_.tune.budget = {225};
    options_.tune.prompt_template = "Package: {text}\nSection:";
    return options_of(options_);
  }

  int run(Session& session) override {
    validate(options_.tune);
    if (options_.tune.model.empty() && !session.shared().offline)
      pull_model(default_model_name(), {.progress = &session.progress()});
    const Dataset rows = debian_section_rows(read_debian_index());
    return run_tune(session, options_.tune, rows, options_.resume, "Sections of Debian packages");
  }

 private:
  DemoOptions options_;
};

}  // namespace

Command demo_command() {
  return {.name = "demo",
          .group = CommandGroup::make_model,
          .summary = "Watch the main job on data that every Debian machine has.",
          .details =
              "Teaches the default model to tell the section of a Debian package (games, science, "
              "sound, ...) from its "
              "short description: 15 classes, at most 300 packages each, split so that packages of "
              "one source never "
              "stand on both sides. It is `bantam tune` on rows made from apt's own index.",
          .examples = {{"bantam demo", "About six minutes on two cores with AVX2."}},
          .shared = working_options(),
          .recorded = true,
          .body = [] { return std::make_unique<Demo>(); }};
}

}  // namespace bantam
