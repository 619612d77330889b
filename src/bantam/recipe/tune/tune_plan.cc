#include "bantam/recipe/tune/tune_plan.h"

#include <algorithm>
#include <cmath>

namespace bantam {
namespace {

// Collects choices; what the user said is shown as such.
class Lines {
 public:
  template <class T>
  T choose(const char* name, const std::optional<T>& said, T derived, std::string rule) {
    const T value = said.value_or(derived);
    lines.push_back({name, fmt::format("{}", value), said ? "as given" : std::move(rule)});
    return value;
  }
  void add(std::string name, std::string value, std::string rule) {
    lines.push_back({std::move(name), std::move(value), std::move(rule)});
  }
  std::vector<PlanLine> lines;
};

// Small steps learn more from few tokens; large sets give more steps than a budget has time for.
std::int64_t batch_for(std::size_t rows) { return rows >= 5000 ? 32 : rows >= 200 ? 16 : 8; }

// Two figures: rates are chosen, not computed.
double rounded(double value) {
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 1);
  return std::round(value / unit) * unit;
}

}  // namespace

TunePlan derive_plan(const TuneOptions& options, const CausalLM& model,
                     std::span<const Example> train, bool is_classification, std::int64_t seed) {
  TunePlan plan;
  Lines lines;
  const std::size_t rows = train.size();
  const double width = static_cast<double>(model.config().width);
  plan.train.objective = "sft";
  plan.train.seed = seed;
  plan.train.batch = lines.choose(
      "batch", options.batch, batch_for(rows),
      fmt::format("32 rows from 5,000 rows up, 16 from 200, else 8; here {} rows", rows));
  if (options.full) {
    plan.train.learning_rate =
        lines.choose("learning rate", options.learning_rate, rounded(1e-4 * std::sqrt(576 / width)),
                     fmt::format("1e-4 · √(576 / width {})", model.config().width));
    lines.add("trained", "all weights", "--full");
  } else {
    plan.lora.rank =
        lines.choose("LoRA rank", options.rank, rows > 20000 ? 16 : 8, "8; 16 above 20,000 rows");
    plan.lora.alpha = 2.0 * plan.lora.rank;
    lines.add("LoRA alpha", fmt::format("{}", plan.lora.alpha), "twice the rank");
    plan.train.learning_rate =
        lines.choose("learning rate", options.learning_rate, rounded(1e-3 * std::sqrt(576 / width)),
                     fmt::format("1e-3 · √(576 / width {})", model.config().width));
    lines.add("trained", "LoRA on all linears",
              "over the weights as they lie in the file; --full trains all");
  }
  plan.train.schedule = "linear:warmup=6%";
  lines.add("schedule", plan.train.schedule, "a short rise, then straight down to zero");
  plan.train.micro_batch_tokens = 1024;
  if (options.epochs) {
    plan.train.length.epochs = *options.epochs;
    lines.add("length", fmt::format("{} epochs", *options.epochs), "as given");
  } else {
    // Labels are a few tokens: after some passes only the confidence grows. Texts are learned
    // longer.
    plan.train.length.budget = options.budget;
    plan.train.length.epochs = is_classification ? 8.0 : 4.0;
    lines.add("length",
              fmt::format("{} of training, at most {} epochs",
                          format_duration(options.budget.seconds), *plan.train.length.epochs),
              "the budget");
  }
  plan.train.evaluation.keep_best = true;
  plan.lines = std::move(lines.lines);
  return plan;
}

}  // namespace bantam
