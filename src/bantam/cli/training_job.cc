#include "bantam/cli/training_job.h"

#include <algorithm>

#include "bantam/base/machine.h"
#include "bantam/base/system_error.h"
#include "bantam/cli/session.h"
#include "bantam/cli/training_subject.h"
#include "bantam/data/dataset.h"
#include "bantam/data/split.h"
#include "bantam/train/spec_options.h"
#include "bantam/train/trainer.h"
#include "bantam/train/training_memory.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultAdapter = "lora:rank=8,alpha=16";

Path training_folder(const Path& out) { return out / "training"; }

// What identifies the frozen weights: a resumed adapter must meet the base it began on.
std::string hash_of_weights(const Path& path) {
  if (fs::is_regular_file(path)) return sha256_of_file(path);
  std::vector<Path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::string hashes;
  for (const Path& file : files) hashes += sha256_of_file(file);
  return sha256(std::as_bytes(std::span(hashes)));
}

struct LoraSpec {
  int rank = 8;
  std::optional<double> alpha;
  std::string targets = "all-linear";
};

}  // namespace

template <>
void describe(Describer<LoraSpec>& d) {
  d(&LoraSpec::rank, "rank", "Rows of A and columns of B.", between(1, 4096));
  d(&LoraSpec::alpha, "alpha", "The delta is scaled by alpha / rank; twice the rank when unset.",
    above(0.0));
  d(&LoraSpec::targets, "targets", "Linears it acts on, joined by +: q+v, or all-linear.");
}

template <>
void describe(Describer<TrainingJobOptions>& d) {
  using Job = TrainingJobOptions;
  d(&Job::model, "model", "The model to train: a file, a folder or a name.");
  d(&Job::data, "data", "Rows to train on: [NAME=]PATH[#SPLIT][:WEIGHT]; may be repeated.");
  d.nested(&Job::reading);
  d(&Job::dev, "dev",
    "Share of the rows kept for evaluation; unless the rows say which, 10% of them (at most 500) "
    "when there are at least 50.",
    between(0.0, 0.9));
  d(&Job::max_tokens, "max_tokens", "Longest example; the model's context, at most 2048.",
    between<std::int64_t>(2, 1 << 20));
  d(&Job::too_long, "too_long",
    "What happens to a longer one; unset: truncate, or split for pretrain.",
    OneOf{{"", "truncate", "split", "drop"}});
  d(&Job::prompt_template, "prompt_template", "How a labelled row is shown: {text} is its text.");
  d(&Job::answer_template, "answer_template", "How its label is answered: {label} is the label.");
  d(&Job::objective, "objective",
    "The loss: sft or pretrain for a decoder, seq2seq for an encoder-decoder, classify or tag for "
    "an encoder, with parameters as in seq2seq:label_smoothing=0.1; when unset, the first of its "
    "kind, and tag for an encoder with a head for tags.");
  d(&Job::source_language, "source_language",
    "Language of the prompts, for a translation model that is told: en, eng_Latn, en_XX.");
  d(&Job::target_language, "target_language", "Language of the completions, likewise.");
  d(&Job::new_head, "new_head",
    "Make a new head of the data's labels although the encoder has one.");
  d(&Job::adapter, "adapter",
    "The adapter to train, such as lora:rank=16,targets=q+v; lora:rank=8,alpha=16 when unset.");
  d(&Job::full, "full", "Train all weights of the model instead of an adapter.");
  d(&Job::train_only, "train_only",
    "Train only these weights of the model: norms, biases, head, embeddings, linears, layers:0-3, "
    "joined by +.");
  d(&Job::lr, "lr", "Peak learning rate; 1e-3 for an adapter, 1e-4 for the model's own weights.",
    between(1e-12, 100.0));
  d(&Job::dtype, "dtype", "Type of the weights written with --full and --train-only.",
    OneOf{{"f32", "bf16", "f16"}});
}

std::vector<Option> TrainingJob::options() {
  std::vector<Option> all = options_of(job_);
  for (Option& option : options_of(train_)) {
    if (option.key != "lr" && option.key != "objective")
      all.push_back(std::move(option));  // the job's may stay unset
  }
  return all;
}

// --- checks and the record

void TrainingJob::check() const {
  if (job_.model.empty()) throw usage_error("--model (-m): expected a model to train, found none");
  if (job_.data.empty()) throw usage_error("--data: expected rows to train on, found none");
  std::vector<std::string> given;
  if (!job_.adapter.empty()) given.push_back("--adapter");
  if (job_.full) given.push_back("--full");
  if (!job_.train_only.empty()) given.push_back("--train-only");
  if (!job_.objective.empty()) make_objective(job_.objective);
  if (given.size() > 1) {
    throw usage_error("{} and {} contradict each other: give one choice of what to train", given[0],
                      given[1]);
  }
}

void TrainingJob::write(const Place& place, const std::string& model_sha256) {
  Json options = Json::object();
  for (const Option& option : this->options()) options[option.key] = option.get();
  const Json record{
      {"format", 1}, {"options", options}, {"seed", place.seed}, {"model_sha256", model_sha256}};
  std::error_code failed;
  fs::create_directories(training_folder(place.out), failed);
  if (failed) throw system_error(failed.value(), place.out, "make the folder", Error::Kind::usage);
  write_file_atomically(training_folder(place.out) / "job.json", dump_json(record, 1) + "\n");
}

void TrainingJob::read(const Path& out, Place& place) {
  const Path path = training_folder(out) / "job.json";
  if (!fs::exists(path)) {
    throw input_error("{}: not the folder of a training run: it has no training/job.json",
                      escaped(out.native()));
  }
  const Json record = parse_json(read_file(path));
  for (Option& option : options()) {
    if (record.at("options").contains(option.key)) option.set(record["options"][option.key]);
  }
  place.out = out;
  place.seed = record.at("seed").get<std::int64_t>();
  place.resume = true;
}

// --- the work

// Everything of one run, in the order in which it is made.
struct TrainingJob::Work {
  Session& session;
  const TrainingJobOptions& job;
  TrainOptions options;
  const Place& place;

  std::unique_ptr<TrainingSubject> subject = {};
  std::string model_sha256 = {};
  std::vector<Example> train = {}, dev = {};
  std::shared_ptr<Adapter> adapter = {};
  std::optional<ParameterSet> parameters = {};
  std::int64_t longest = 0;
  std::vector<std::string> derived = {};  ///< each with its rule

  void note(std::string_view text) { session.progress().note(text); }
  void derive(std::string text) {
    note(text);
    derived.push_back(std::move(text));
  }
  void load();
  void read_data();
  void format(const Splits& splits);
  void choose_parameters();
  void make_adapter();
  TrainingMemory require_memory();
  int dry_run(Trainer& trainer, const TrainingMemory& memory);
  void save();
  void report(const TrainResult& result);
};

void TrainingJob::Work::load() {
  subject = load_training_subject(job);
  options.objective = job.objective.empty() ? subject->usual_objective() : job.objective;
  validate(options);
  require_objective_for(subject->kind(), options.objective, escaped(job.model));
}

void TrainingJob::Work::read_data() {
  const Dataset rows = ::bantam::read_data(session, job.data, job.reading);
  constexpr std::size_t kFewRows = 50;
  constexpr double kMostDevRows = 500;
  SplitOptions split{.dev = 0, .test = 0, .seed = static_cast<std::uint64_t>(place.seed)};
  const bool has_dev = !rows.of_split("dev").empty();
  if (job.dev) {
    split.dev = *job.dev;
  } else if (!has_dev && rows.size() >= kFewRows) {
    split.dev = std::min(0.1, kMostDevRows / static_cast<double>(rows.size()));
  }
  if (const std::string text = subject->meet(rows, split.seed); !text.empty()) derive(text);
  for (const std::string& warning : subject->warnings()) note("warning: " + warning);
  model_sha256 = hash_of_weights(subject->path());
  Splits splits = split_dataset(rows, split);
  for (const std::string& text : splits.notes) note(text);
  derive(fmt::format("rows {}: {} train, {} dev, {} test (kept aside)", rows.size(),
                     splits.train.size(), splits.dev.size(), splits.test.size()));
  format(splits);
}

void TrainingJob::Work::format(const Splits& splits) {
  constexpr std::int64_t kLongestDefault = 2048;
  FormatOptions format;
  const std::int64_t context = subject->longest();
  format.max_tokens = job.max_tokens.value_or(std::min(context, kLongestDefault));
  if (!job.max_tokens) {
    derive(fmt::format("max_tokens {} (the model's context {}, at most {})", format.max_tokens,
                       context, kLongestDefault));
  }
  const std::string policy = !job.too_long.empty()             ? job.too_long
                             : options.objective == "pretrain" ? "split"
                                                               : "truncate";
  format.too_long = too_long_of(policy);
  if (!job.prompt_template.empty()) format.task.prompt = job.prompt_template;
  if (!job.answer_template.empty()) format.task.answer = job.answer_template;
  FormatReport report;
  train = subject->format(splits.train, format, report);
  note(fmt::format("{} examples, {} tokens, {} targets", report.examples, report.tokens,
                   report.targets));
  const std::pair<const char*, const Finding*> findings[] = {
      {"truncated", &report.truncated},
      {"split", &report.split},
      {"dropped, too long", &report.dropped_too_long},
      {"spans widened to whole words", &report.widened},
      {"left out, nothing to learn", &report.without_target}};
  for (const auto& [what, finding] : findings) {
    if (finding->count > 0) {
      note(fmt::format("{}: {} rows, such as {}", what, finding->count, finding->first[0]));
    }
  }
  if (!splits.dev.empty()) {
    FormatReport dev_report;
    dev = subject->format(splits.dev, format, dev_report);
  }
  for (const Example& example : train) longest = std::max(longest, example.tokens());
}

void TrainingJob::Work::make_adapter() {
  const Spec spec = parse_spec(job.adapter.empty() ? kDefaultAdapter : job.adapter);
  if (spec.name != "lora") {
    const std::vector<std::string> known = {"lora"};
    throw_unknown_name("adapter", spec.name, known);
  }
  LoraSpec lora;
  std::vector<Option> fields = options_of(lora);
  apply_spec(spec, fields, "adapter", "rank");
  LoraOptions made{.rank = lora.rank, .alpha = lora.alpha.value_or(2.0 * lora.rank), .targets = {}};
  std::string_view rest = lora.targets;
  while (true) {
    const std::size_t plus = rest.find('+');
    made.targets.emplace_back(rest.substr(0, plus));
    if (plus == std::string_view::npos) break;
    rest.remove_prefix(plus + 1);
  }
  Transformer& model = subject->transformer();
  adapter = model.make_adapter("trained", made, static_cast<std::uint64_t>(place.seed));
  adapter->base_sha256 = model_sha256;
  model.attach(adapter);
}

void TrainingJob::Work::choose_parameters() {
  const bool own_weights = job.full || !job.train_only.empty();
  Transformer& model = subject->transformer();
  if (own_weights && !model.adapters().empty()) {
    throw usage_error(
        "--model: weights cannot train under an adapter; fold it in first with "
        "`bantam model apply`");
  }
  model.set_gradient_checkpointing(options.gradient_checkpointing);
  std::string selector = job.full ? "all" : job.train_only;
  std::vector<Parameter> candidates;
  std::string whose = "the model's own";
  if (own_weights) {
    candidates = subject->parameters();
  } else {
    make_adapter();
    selector = "adapters";
    candidates = adapter->parameters();
    whose = "a new adapter";
    for (Parameter& beside : subject->parameters_beside_adapter()) {
      candidates.push_back(std::move(beside));
      selector = "all";
      whose = "a new adapter and the head";
    }
  }
  parameters = ParameterSet::select(std::move(candidates), selector, model.config().layers);
  derive(fmt::format("training {} numbers of {} ({})", with_commas(parameters->element_count()),
                     selector, whose));
  if (job.lr) {
    options.learning_rate = *job.lr;
  } else {
    options.learning_rate = own_weights ? 1e-4 : 1e-3;
    derive(fmt::format("lr {} ({})", options.learning_rate,
                       own_weights ? "the model's own weights" : "an adapter"));
  }
}

TrainingMemory TrainingJob::Work::require_memory() {
  const TrainingMemory memory =
      estimate_training_memory(subject->transformer(), *parameters, options, longest);
  const std::uint64_t needed = memory.total() - memory.frozen;  // those are in memory already
  const std::uint64_t available = memory_of_machine().available;
  if (needed > available) {
    throw resource_error(
        "training needs {} more memory (weights {}, gradients {}, optimizer {}, activations {}), "
        "{} is available; try --gradient-checkpointing, a smaller --micro-batch-tokens, or an "
        "adapter",
        format_bytes(needed), format_bytes(memory.trained), format_bytes(memory.gradients),
        format_bytes(memory.optimizer), format_bytes(memory.activations), format_bytes(available));
  }
  derive(
      fmt::format("memory {} (model {}, trained weights, gradients and optimizer {}, "
                  "activations of {} tokens {})",
                  format_bytes(memory.total()), format_bytes(memory.frozen),
                  format_bytes(memory.trained + memory.gradients + memory.optimizer),
                  std::max(options.micro_batch_tokens, longest), format_bytes(memory.activations)));
  return memory;
}

int TrainingJob::Work::dry_run(Trainer& trainer, const TrainingMemory& memory) {
  const StepPlan& plan = trainer.plan();
  const double speed = trainer.measure_speed(10);
  std::int64_t tokens = 0;
  for (const Example& example : train) tokens += example.tokens();
  const double tokens_a_step = static_cast<double>(tokens) * static_cast<double>(options.batch) /
                               static_cast<double>(std::max<std::size_t>(
                                   train.size(), static_cast<std::size_t>(options.batch)));
  const double seconds = static_cast<double>(plan.steps) * tokens_a_step / speed;
  if (session.json()) {
    session.result({{"steps", plan.steps},
                    {"evaluate_every", plan.evaluate_every},
                    {"checkpoint_every", plan.checkpoint_every},
                    {"learning_rate", options.learning_rate},
                    {"memory_bytes", memory.total()},
                    {"tokens_per_second", speed},
                    {"seconds", seconds},
                    {"derived", derived}});
    return 0;
  }
  session.print("{} steps of about {:.0f} tokens at {:.0f} tokens/s: {}\n", with_commas(plan.steps),
                tokens_a_step, speed, format_duration(seconds));
  for (const std::string& text : derived) session.print("  {}\n", text);
  session.print("nothing was written (--dry-run)\n");
  return 0;
}

void TrainingJob::Work::save() {
  if (adapter) {
    subject->save(*adapter, place.out);
  } else {
    subject->save(place.out, dtype_named(job.dtype));
  }
  if (session.run() == nullptr) return;
  for (const auto& entry : fs::directory_iterator(place.out)) {
    if (entry.is_regular_file()) {
      session.run()->add_file(entry.path(), adapter ? "adapter" : "model");
    }
  }
}

void TrainingJob::Work::report(const TrainResult& result) {
  const TrainingSubject::Verdict verdict = subject->judge(dev);
  if (session.json()) {
    Json json{{"out", place.out.string()},
              {"steps", result.steps},
              {"loss", result.loss},
              {"tokens", result.tokens},
              {"tokens_per_second", result.tokens_per_second},
              {"seconds", result.seconds},
              {"nonfinite_steps", result.nonfinite_steps},
              {"empty_steps", result.empty_steps},
              {"stopped_early", result.stopped_early}};
    if (result.best) json["best"] = {{"step", result.best->step}, {"loss", result.best->loss}};
    json["kept_step"] = result.kept_step;
    if (!verdict.json.is_null()) json["dev"] = verdict.json;
    session.result(json);
    return;
  }
  session.print("{} steps, {} tokens in {} ({:.0f} tokens/s); loss of the last step {:.4f}\n",
                with_commas(result.steps), with_commas(result.tokens),
                format_duration(result.seconds), result.tokens_per_second, result.loss);
  if (result.best) {
    session.print("best dev loss {:.4f} after step {}{}; kept the weights of step {}\n",
                  result.best->loss, with_commas(result.best->step),
                  result.stopped_early ? ", stopped early" : "", with_commas(result.kept_step));
  }
  for (const std::string& line : verdict.lines) session.print("{}\n", line);
  if (result.nonfinite_steps > 0) {
    session.print("{} steps skipped: not finite\n", result.nonfinite_steps);
  }
  session.print("wrote {}\n", place.out.string());
  const std::string out = place.out.string();
  session.print("try it: {}\n",
                subject->command_to_try(adapter ? fmt::format("{}+{}", job.model, out) : out));
}

int TrainingJob::run(Session& session, const Place& place) {
  check();
  train_.seed = place.seed;
  validate(train_);
  std::vector<Path> inputs = {job_.model};
  for (const std::string& text : job_.data) inputs.push_back(parse_data_ref(text).path);
  if (!place.dry_run) {
    require_fresh_output(place.out, place.force || place.resume, inputs);
    if (fs::exists(place.out) && !fs::is_directory(place.out)) {
      throw usage_error("{}: expected the folder to write, found a file",
                        escaped(place.out.native()));
    }
  }

  Work work{.session = session, .job = job_, .options = train_, .place = place};
  work.load();
  work.read_data();
  work.choose_parameters();
  const TrainingMemory memory = work.require_memory();
  TrainHooks hooks;
  hooks.progress = &session.progress();
  hooks.run = session.run();
  hooks.measure = work.subject->measure(work.dev);
  const TrainingData data{work.train, work.dev};
  if (place.dry_run) {
    Trainer trainer(work.subject->model(), *work.parameters, data, work.options, hooks);
    return work.dry_run(trainer, memory);
  }
  if (place.resume) {
    const Path record = training_folder(place.out) / "job.json";
    const std::string before =
        fs::exists(record) ? parse_json(read_file(record)).value("model_sha256", "") : "";
    if (!before.empty() && before != work.model_sha256) {
      throw input_error(
          "{}: the model changed: the run began on weights of SHA-256 {}, now it is "
          "{}",
          escaped(job_.model), before, work.model_sha256);
    }
  } else {
    fs::remove_all(training_folder(place.out));
  }
  Trainer trainer(work.subject->model(), *work.parameters, data, work.options, hooks,
                  training_folder(place.out));
  write(place, work.model_sha256);
  if (place.resume && !trainer.resume()) work.note("no checkpoint yet: beginning anew");
  for (const std::string& reason : trainer.plan().reasons) work.derive(reason);
  const TrainResult result = trainer.run();
  work.save();
  work.report(result);
  return 0;
}

}  // namespace bantam
