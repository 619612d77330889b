#include "bantam/recipe/bench/train_bench.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "bantam/base/process_memory.h"
#include "bantam/base/random.h"
#include "bantam/model/load_model.h"
#include "bantam/recipe/bench/stop_between.h"
#include "bantam/tensor/allocator.h"
#include "bantam/train/trainer.h"
#include "bantam/train/training_memory.h"

namespace bantam {

template <>
void describe(Describer<TrainBenchOptions>& d) {
  d(&TrainBenchOptions::mode, "mode", "What trains: full (all weights), lora.");
  d(&TrainBenchOptions::shape, "shape",
    "Rows x tokens of an optimizer step; several make a row each: 8x64,2x256.");
  d(&TrainBenchOptions::rank, "rank", "LoRA rank, over all linears.", between(1, 1024));
  d(&TrainBenchOptions::optimizer, "optimizer", "Optimizer, such as adamw or sgd.");
  d(&TrainBenchOptions::micro_batch_tokens, "micro_batch_tokens",
    "Tokens that pass through the model together at most.", at_least(std::int64_t{1}));
  d(&TrainBenchOptions::gradient_checkpointing, "gradient_checkpointing",
    "Recompute layers in backward instead of keeping their values.");
  d(&TrainBenchOptions::repeat, "repeat", "Steps that are measured; the median is shown.",
    between(1, 1000));
}

TrainShape parse_train_shape(const std::string& text) {
  const auto wrong = [&] {
    return usage_error("shape: expected ROWSxTOKENS such as 2x256, found '{}'", escaped(text));
  };
  const std::size_t cross = text.find('x');
  if (cross == text.npos) throw wrong();
  const auto number = [&](std::size_t begin, std::size_t end) {
    std::int64_t value = 0;
    const auto found = std::from_chars(text.data() + begin, text.data() + end, value);
    if (found.ec != std::errc() || found.ptr != text.data() + end || value < 1 ||
        value > (std::int64_t{1} << 24)) {
      throw wrong();
    }
    return value;
  };
  const TrainShape shape{number(0, cross), number(cross + 1, text.size())};
  if (shape.length < 2) {
    throw usage_error("shape: a row of one token has nothing to predict, found '{}'", text);
  }
  return shape;
}

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

std::vector<Example> random_examples(const TrainShape& shape, std::int64_t vocabulary) {
  RandomStream stream(1234, "bench-rows");
  std::vector<Example> examples(static_cast<std::size_t>(shape.rows));
  for (std::size_t i = 0; i < examples.size(); ++i) {
    examples[i].ids.resize(static_cast<std::size_t>(shape.length));
    for (std::int32_t& id : examples[i].ids) {
      id = static_cast<std::int32_t>(stream.next_below(static_cast<std::uint64_t>(vocabulary)));
    }
    examples[i].weights.assign(examples[i].ids.size(), 1.0F);
    examples[i].id = fmt::format("random:{}", i + 1);
  }
  return examples;
}

// When the points of each step were passed.
struct StepClock {
  std::vector<Clock::time_point> before_optimizer, end;

  void at(std::string_view point) {
    if (point == "before-optimizer") before_optimizer.push_back(Clock::now());
    if (point == "mid-step") end.push_back(Clock::now());
  }
  // The first step pays for fresh memory and compiled products, and is left out.
  Spread steps() const {
    std::vector<double> seconds;
    for (std::size_t i = 1; i < end.size(); ++i) {
      seconds.push_back(seconds_between(end[i - 1], end[i]));
    }
    return spread_of(std::move(seconds));
  }
  double optimizer_share() const {
    double updating = 0;
    for (std::size_t i = 1; i < end.size(); ++i) {
      updating += seconds_between(before_optimizer[i], end[i]);
    }
    return updating / seconds_between(end.front(), end.back());
  }
};

class TrainBenchRun {
 public:
  TrainBenchRun(const std::string& reference, const TrainBenchOptions& options,
                ProgressSink& progress)
      : reference_(reference), options_(options), progress_(progress) {
    const std::vector<std::string> known = {"full", "lora"};
    for (const std::string& mode : options.mode) {
      if (std::ranges::find(known, mode) == known.end()) throw_unknown_name("mode", mode, known);
    }
    for (const std::string& text : options.shape) shapes_.push_back(parse_train_shape(text));
    make_optimizer(options.optimizer);  // refuses an unknown one before anything is loaded
  }

  TrainBench run() {
    require_context();
    result_.device = bench_device({.repeat = std::min(options_.repeat, 3)}, progress_);
    rates_ = rates_of(result_.device, Rounding::training);
    for (const std::string& mode : options_.mode) {
      for (const TrainShape& shape : shapes_) measure(mode, shape);
    }
    return std::move(result_);
  }

 private:
  void require_context() const {
    const LoadedModel loaded = load_model(reference_);
    const std::int64_t context = loaded.model->config().context;
    for (const TrainShape& shape : shapes_) {
      if (shape.length <= context) continue;
      throw usage_error("shape: {} tokens do not fit the context of {}, which is {}",
                        with_commas(shape.length), loaded.name, with_commas(context));
    }
  }

  TrainOptions train_options(const TrainShape& shape) const {
    TrainOptions train;
    train.objective = "pretrain";
    train.optimizer = options_.optimizer;
    train.learning_rate = 1e-5;  // rows of noise: large steps would leave the finite numbers
    train.schedule = "constant";
    train.batch = shape.rows;
    // No more than there are: the estimate of memory counts a full micro-batch.
    train.micro_batch_tokens = std::min(options_.micro_batch_tokens, shape.rows * shape.length);
    train.gradient_checkpointing = options_.gradient_checkpointing;
    train.length.steps = options_.repeat + 1;
    train.evaluation.keep_best = false;
    return train;
  }

  ParameterSet choose(LoadedModel& loaded, bool full) const {
    CausalLM& model = *loaded.model;
    const int layers = model.config().layers;
    if (full) return ParameterSet::select(model.parameters(), "all", layers);
    auto adapter =
        model.make_adapter("bench", {.rank = options_.rank, .alpha = 2.0 * options_.rank}, 1234);
    model.attach(adapter);
    return ParameterSet::select(adapter->parameters(), "adapters", layers);
  }

  void measure(const std::string& mode, const TrainShape& shape) {
    const bool full = mode == "full";
    release_cached_tensor_memory();
    reset_peak_process_memory();
    reset_tensor_memory_peak();
    LoadedModel loaded = load_model(reference_);
    result_.model = loaded.name;
    ParameterSet parameters = choose(loaded, full);
    loaded.model->set_gradient_checkpointing(options_.gradient_checkpointing);
    const Work work = cost_of(*loaded.model)
                          .training_step(static_cast<double>(shape.rows),
                                         static_cast<double>(shape.length), full);
    const std::vector<Example> examples =
        random_examples(shape, loaded.tokenizer->vocabulary_size());
    const TrainOptions train = train_options(shape);
    const std::uint64_t estimate =
        loaded.memory.program +
        estimate_training_memory(*loaded.model, parameters, train, shape.length).total();
    StepClock clock;
    TrainHooks hooks;
    hooks.progress = &progress_;
    hooks.at_point = [&](std::string_view point, std::int64_t) { clock.at(point); };
    Trainer trainer(*loaded.model, std::move(parameters), {examples, {}}, train, std::move(hooks));
    const TrainResult trained = trainer.run();
    if (clock.end.size() != static_cast<std::size_t>(options_.repeat) + 1) {
      throw input_error("bench train: {} of {} steps were not finite; is {} a trained model?",
                        trained.nonfinite_steps, options_.repeat + 1, loaded.name);
    }
    add(mode, shape, work, clock, trained);
    result_.rows.back().estimate = estimate;
  }

  void add(const std::string& mode, const TrainShape& shape, const Work& work,
           const StepClock& clock, const TrainResult& trained) {
    TrainBenchRow out;
    out.mode = mode;
    out.shape = shape;
    const std::string what = mode == "full" ? "full" : fmt::format("LoRA rank {}", options_.rank);
    Json facts = {{"mode", mode},
                  {"rows", shape.rows},
                  {"length", shape.length},
                  {"operations_per_step", work.all_operations()}};
    if (mode == "lora") facts["rank"] = options_.rank;
    out.row = rate_row("train", fmt::format("{}, {} x {} tokens", what, shape.rows, shape.length),
                       static_cast<double>(shape.rows * shape.length), clock.steps(),
                       bound_of(work, rates_), std::move(facts));
    out.optimizer_share = clock.optimizer_share();
    out.loss = trained.loss;
    out.peak_resident = peak_process_memory();
    out.peak_tensors = tensor_memory().peak;
    result_.rows.push_back(std::move(out));
  }

  const std::string reference_;
  const TrainBenchOptions options_;
  ProgressSink& progress_;
  std::vector<TrainShape> shapes_;
  MachineRates rates_;
  TrainBench result_;
};

}  // namespace

TrainBench bench_training(const std::string& reference, const TrainBenchOptions& options,
                          ProgressSink& progress) {
  return TrainBenchRun(reference, options, progress).run();
}

Json train_bench_json(const TrainBench& bench) {
  Json rows = Json::array();
  for (const TrainBenchRow& one : bench.rows) {
    Json row = bench_row_json(one.row);
    row["optimizer_share"] = one.optimizer_share;
    row["loss"] = one.loss;
    row["peak_tensor_bytes"] = one.peak_tensors;
    row["peak_resident_bytes"] = one.peak_resident;
    row["estimate_bytes"] = one.estimate;
    rows.push_back(std::move(row));
  }
  return {{"model", bench.model}, {"device", device_bench_json(bench.device)}, {"rows", rows}};
}

}  // namespace bantam
