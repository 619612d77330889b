#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/cli/training_job.h"

namespace bantam {
namespace {

struct TrainCommandOptions {
  bool resume = false;
};

}  // namespace

template <>
void describe(Describer<TrainCommandOptions>& d) {
  d(&TrainCommandOptions::resume, "resume", "Go on from the newest checkpoint in --out, if any.");
}

namespace {

class Train final : public CommandBody {
 public:
  std::vector<Option> options() override {
    std::vector<Option> all = job_.options();
    for (Option& option : options_of(options_)) all.push_back(std::move(option));
    return all;
  }

  int run(Session& session) override {
    const SharedOptions& shared = session.shared();
    if (!shared.out && !shared.dry_run) {
      throw usage_error("--out (-o): expected the folder to write, found none");
    }
    return job_.run(session, {.out = shared.out.value_or(""),
                              .seed = shared.seed,
                              .resume = options_.resume,
                              .force = shared.force,
                              .dry_run = shared.dry_run});
  }

 private:
  TrainCommandOptions options_;
  TrainingJob job_;
};

}  // namespace

Command train_command() {
  return {
      .name = "train",
      .group = CommandGroup::make_model,
      .summary = "Train a model, or an adapter on it, on rows.",
      .details =
          "One training run. A decoder learns the answers of the rows (--objective sft) or every "
          "token (pretrain), an encoder-decoder learns to answer prompts (seq2seq), an encoder "
          "to label texts (classify) or their words (tag). A LoRA adapter is trained unless --full "
          "or --train-only "
          "choose weights of "
          "the model itself. The length is --steps, --epochs or --budget.\n\n"
          "The output folder receives the adapter (as PEFT reads it) or the model (a Hugging "
          "Face folder), and training/ with checkpoints: a run that was killed goes on with "
          "`bantam train resume` and gives the same bits as one that was not.",
      .examples = {{"bantam train -m smollm2.gguf --data rows.jsonl -o bank --budget 5m",
                    "An adapter, in five minutes."},
                   {"bantam train -m smollm2.gguf --data notes/ --objective pretrain --full "
                    "--epochs 1 -o notes-model",
                    "All weights, on plain text."},
                   {"bantam train -m all-minilm-l6-v2 --data labelled.jsonl --full -o intents",
                    "A classifier of texts."},
                   {"bantam train -m all-minilm-l6-v2 --data spans.jsonl --objective tag --full -o "
                    "names",
                    "A finder of names and other parts of texts."},
                   {"bantam train -m t5-small --data pairs.jsonl --objective "
                    "seq2seq:label_smoothing=0.1 -o titles",
                    "An encoder-decoder, with smoothed labels."}},
      .shared = working_options(),
      .recorded = true,
      .body = [] { return std::make_unique<Train>(); }};
}

}  // namespace bantam
