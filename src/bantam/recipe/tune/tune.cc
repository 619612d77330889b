#include "bantam/recipe/tune/tune.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/base/process_memory.h"
#include "bantam/data/format.h"
#include "bantam/eval/baselines.h"
#include "bantam/eval/few_shot.h"
#include "bantam/model/save_model.h"
#include "bantam/recipe/tune/tune_report.h"

namespace bantam {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Answers of a generated kind rarely need more; what is cut counts as unfinished in the report.
constexpr std::int64_t kMostAnswerTokens = 256;
// Enough to pick a checkpoint, cheap enough to look often.
constexpr std::size_t kMostDevRows = 128;
constexpr std::size_t kProbeRows = 20;

struct Examples {
  std::vector<Example> train, dev, test;
};

// One tune in progress: what all steps share.
class Job {
 public:
  Job(const TuneOptions& options, TuneData data, std::int64_t seed, Path folder,
      const TuneHooks& hooks)
      : options_(options), seed_(seed), hooks_(hooks) {
    result_.data = std::move(data);
    result_.folder = std::move(folder);
  }

  TuneResult run() {
    const auto start = Clock::now();
    model_ = load_model(options_.model);
    model_.path = std::filesystem::absolute(model_.path);
    result_.model_name = model_.name;
    for (const std::string& warning : model_.warnings) note("warning: " + warning);
    for (const std::string& text : result_.data.notes) note(text);
    require_exports();
    format();
    measure_before();
    train();
    measure_after();
    write_exports();
    result_.peak_memory = peak_process_memory();
    result_.seconds = seconds_since(start);
    result_.report = result_.folder / "report.html";
    write_file_atomically(result_.report, report_html(result_, hooks_));
    write_file_atomically(result_.folder / "README.md", model_card(result_, hooks_));
    write_file_atomically(result_.folder / "task.json", dump_json(task_json(result_), 2) + "\n");
    record();
    return std::move(result_);
  }

 private:
  bool is_classification() const { return result_.data.kind == Row::Kind::classification; }
  void note(const std::string& text) const { hooks_.progress->note(text); }

  // What cannot be exported is told now, not after hours of training.
  void require_exports() const {
    if (std::ranges::find(options_.exports, "gguf") == options_.exports.end()) return;
    try {
      require_gguf_form(model_, gguf_weight_type_named(options_.export_type));
    } catch (const Error& error) {
      throw error.at("--export gguf");
    }
  }

  std::vector<Example> examples_of(const Dataset& rows, const char* side) {
    FormatOptions format;
    format.max_tokens =
        options_.max_length > 0 ? options_.max_length : model_.model->config().context;
    format.task = result_.data.task;
    format.chat_template = model_.chat_template;
    if (!asked_by_) asked_by_ = chat_template_of_rows(rows, format, *model_.tokenizer);
    FormatReport report;
    auto examples = Formatter(model_.tokenizer, format).format(rows, report);
    const auto tell = [&](const Finding& finding, const char* what) {
      if (finding.count == 0) return;
      note(fmt::format("{} {} rows {} (first: {})", finding.count, side, what,
                       finding.first.front()));
    };
    tell(report.truncated, "were shortened to the longest length");
    tell(report.without_target, "have nothing to learn and were left out");
    return examples;
  }

  void format() {
    examples_.train = examples_of(result_.data.train, "train");
    examples_.dev = examples_of(result_.data.dev, "dev");
    examples_.test = examples_of(result_.data.test, "test");
    if (examples_.test.size() != result_.data.test.size()) {
      throw input_error(
          "{} of {} test rows do not fit the model's context of {} tokens; shorten or remove them",
          result_.data.test.size() - examples_.test.size(), result_.data.test.size(),
          model_.model->config().context);
    }
    std::vector<std::size_t> lengths;
    for (const Example& example : examples_.train) lengths.push_back(example.ids.size());
    std::ranges::sort(lengths);
    result_.data.facts.emplace_back(
        "tokens a row",
        fmt::format("median {}, 95 % below {}, longest {}", lengths[lengths.size() / 2],
                    lengths[lengths.size() * 95 / 100] + 1, lengths.back()));
  }

  SystemResult measure(const std::string& name, const std::string& prefix,
                       std::optional<WritingReport>& writing) {
    if (is_classification()) {
      return answer_by_likelihood(model_, name, result_.data.test.rows(), result_.data.labels,
                                  result_.data.task, prefix, *hooks_.progress);
    }
    writing.emplace();
    return answer_by_writing(model_, name, result_.data.test.rows(), examples_.test,
                             kMostAnswerTokens, *writing, *hooks_.progress);
  }

  void measure_before() {
    const TuneData& data = result_.data;
    if (is_classification()) {
      result_.baselines.push_back(
          majority_baseline(data.train.rows(), data.test.rows(), data.labels));
      result_.baselines.push_back(
          tfidf_baseline(data.train.rows(), data.dev.rows(), data.test.rows(), data.labels));
    }
    result_.before = result_.baselines.size();
    result_.baselines.push_back(measure("untuned model, zero-shot", "", result_.writing_before));
    if (is_classification() && options_.shots > 0) {
      const std::string prefix = few_shot_prefix(data.task, data.train.rows(), options_.shots,
                                                 static_cast<std::uint64_t>(seed_));
      std::optional<WritingReport> unused;
      result_.baselines.push_back(
          measure(fmt::format("untuned model, {} shots", options_.shots), prefix, unused));
    }
    for (const SystemResult& system : result_.baselines) {
      note(fmt::format("{}: accuracy {:.3f} [{:.3f}, {:.3f}]", system.name, system.accuracy.value,
                       system.accuracy.low, system.accuracy.high));
    }
  }

  ParameterSet trainable() {
    if (options_.full) {
      return ParameterSet::select(model_.model->parameters(), "all", model_.model->config().layers);
    }
    auto adapter =
        model_.model->make_adapter("tuned", result_.plan.lora, static_cast<std::uint64_t>(seed_));
    adapter->base_sha256 = base_sha256();
    model_.model->attach(adapter);
    return ParameterSet::select(adapter->parameters(), "adapters", model_.model->config().layers);
  }

  std::string base_sha256() const {
    return std::filesystem::is_regular_file(model_.path) ? sha256_of_file(model_.path)
                                                         : std::string();
  }

  void train() {
    result_.plan =
        derive_plan(options_, *model_.model, examples_.train, is_classification(), seed_);
    const ParameterSet parameters = trainable();
    for (const PlanLine& line : result_.plan.lines)
      note(fmt::format("{}: {} ({})", line.name, line.value, line.rule));
    const std::size_t dev_rows = std::min(examples_.dev.size(), kMostDevRows);
    const TrainingData data{examples_.train, std::span(examples_.dev).first(dev_rows)};
    TrainHooks hooks;
    hooks.progress = hooks_.progress;
    hooks.run = hooks_.run;
    const Path folder = result_.folder / "checkpoints";
    Trainer trainer(*model_.model, parameters, data, result_.plan.train, hooks, folder);
    if (hooks_.resume && trainer.resume()) note("going on from the last checkpoint");
    for (const std::string& reason : trainer.plan().reasons) {
      result_.plan.lines.push_back({"derived while training", reason, ""});
      note(reason);
    }
    result_.training = trainer.run();
    read_curves(folder);
    model_.model->set_gradient_checkpointing(false);
  }

  // The trainer's own log, which a resumed run has completed.
  void read_curves(const Path& folder) {
    for (const LossLogEntry& entry : read_loss_log(folder)) {
      if (!std::isfinite(entry.loss)) continue;  // a step that was skipped has no loss
      (entry.is_evaluation ? result_.dev_curve : result_.train_curve)
          .push_back({entry.step, entry.loss});
    }
  }

  void measure_after() {
    result_.after = measure("tuned model", "", result_.writing_after);
    result_.change = compare(result_.baselines[result_.before], result_.after);
  }

  void write_exports() {
    ExportProbe probe;
    for (std::size_t i = 0; i < std::min(kProbeRows, examples_.test.size()); ++i) {
      probe.sequences.push_back(examples_.test[i].ids);
    }
    model_.chat_template = asked_by_;
    const std::string provenance = fmt::format(
        "tuned from {} on {} rows, seed {}", result_.model_name, result_.data.train.size(), seed_);
    for (const std::string& kind : options_.exports) {
      if (kind == "none") continue;
      if (kind == "peft" && options_.full) {
        note("no PEFT adapter: all weights were trained");
        continue;
      }
      result_.exports.push_back(
          export_and_check(kind, model_, gguf_weight_type_named(options_.export_type),
                           result_.folder, probe, provenance, *hooks_.progress));
    }
  }

  void record() {
    if (hooks_.run == nullptr) return;
    for (const SystemResult& system : result_.baselines) hooks_.run->add_row(system_json(system));
    hooks_.run->add_row(system_json(result_.after));
    hooks_.run->log(result_.training.steps, "test/accuracy", result_.after.accuracy.value);
    hooks_.run->add_file(result_.report, "report");
    for (const ExportCheck& check : result_.exports) {
      if (std::filesystem::is_regular_file(check.path))
        hooks_.run->add_file(check.path, check.kind);
    }
  }

  const TuneOptions& options_;
  std::int64_t seed_;
  const TuneHooks& hooks_;
  TuneResult result_;
  LoadedModel model_;
  std::shared_ptr<const ChatTemplate> asked_by_;  // of the train rows, which come first
  Examples examples_;
};

}  // namespace

TuneResult tune(const TuneOptions& options, TuneData data, std::int64_t seed, const Path& folder,
                const TuneHooks& hooks) {
  validate(options);
  return Job(options, std::move(data), seed, folder, hooks).run();
}

}  // namespace bantam
