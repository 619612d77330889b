#include "bantam/cli/commands/tune_summary.h"

#include <algorithm>

#include "bantam/cli/table.h"
#include "bantam/data/data_ref.h"
#include "bantam/recipe/tune/tune.h"
#include "bantam/recipe/tune/tune_report.h"

namespace bantam {
namespace {

Path output_folder(const Session& session, bool resume) {
  const Path folder = session.shared().out ? Path(*session.shared().out) : Path("tuned");
  std::vector<Path> inputs;
  for (const std::string& text : session.arguments()) {
    inputs.emplace_back(parse_data_ref(text).path);
  }
  if (!resume) require_fresh_output(folder, session.shared().force, inputs);
  return std::filesystem::absolute(folder);
}

std::string command_line(const Session& session, const std::string& name) {
  std::string line = "bantam " + name;
  for (const std::string& argument : session.arguments()) line += " " + argument;
  for (const auto& [key, value] : session.config().items()) {
    if (value.is_null() || value == "" || key == "config") continue;
    if (key == "seed" || key == "budget" || key == "model" || key == "out") {
      std::string flag = key;
      std::ranges::replace(flag, '_', '-');
      line += fmt::format(" --{} {}", flag,
                          value.is_string() ? value.get<std::string>() : dump_json(value));
    }
  }
  return line;
}

void print_systems(Session& session, const TuneResult& result) {
  const bool has_classes = result.after.macro_f1.has_value();
  Table table({"", has_classes ? ">accuracy" : ">exact match", ">95 % interval",
               has_classes ? ">macro-F1" : ">loss", ">time"});
  const auto add = [&](const SystemResult& system) {
    const std::optional<Interval>& second = has_classes ? system.macro_f1 : system.loss;
    table.add({system.name, fmt::format("{:.3f}", system.accuracy.value),
               fmt::format("{:.3f} to {:.3f}", system.accuracy.low, system.accuracy.high),
               second ? fmt::format("{:.3f}", second->value) : "",
               format_duration(system.seconds)});
  };
  for (const SystemResult& system : result.baselines) add(system);
  table.add_rule();
  add(result.after);
  session.print(table);
}

void print_rows(Session& session, const TuneResult& result) {
  const auto show = [&](const char* title, const std::vector<std::size_t>& rows) {
    if (rows.empty()) return;
    session.print("\n{}\n", title);
    Table table({"row", "before", "now", "truth"});
    for (const std::size_t i : rows) {
      table.add({escaped(input_of(result.data.test[i]), 70),
                 escaped(result.baselines[result.before].answers[i].text, 24),
                 escaped(result.after.answers[i].text, 24),
                 escaped(answer_of(result.data.test[i]), 24)});
    }
    session.print(table);
  };
  show("Now right, wrong before:", fixed_rows(result, 5));
  show("Still wrong:", wrong_rows(result, 5));
}

void print_exports(Session& session, const TuneResult& result) {
  if (result.exports.empty()) return;
  session.print("\nExports, each loaded again and compared on {} next tokens:\n",
                result.exports.front().compared);
  Table table({"kind", "file", ">size", ">same", ">largest difference"});
  for (const ExportCheck& check : result.exports) {
    table.add({check.kind, check.path.lexically_proximate(std::filesystem::current_path()).string(),
               format_bytes(check.bytes), fmt::format("{} of {}", check.same, check.compared),
               fmt::format("{:.4f} nats", check.largest_difference)});
  }
  session.print(table);
}

void print_next(Session& session, const TuneResult& result) {
  const Path report = result.report.lexically_proximate(std::filesystem::current_path());
  session.print("\nReport: {}\n", report.string());
  for (const ExportCheck& check : result.exports) {
    if (check.kind == "gguf") {
      session.print("Try it: bantam chat -m {}\n",
                    check.path.lexically_proximate(std::filesystem::current_path()).string());
    }
  }
}

}  // namespace

int run_tune(Session& session, const TuneOptions& options, const Dataset& rows, bool resume,
             const std::string& title) {
  const Path folder = output_folder(session, resume);
  TuneData data = prepare_tune_data(rows, options, session.shared().seed);
  if (session.shared().dry_run) {
    session.print("{} train, {} dev and {} test rows; nothing was trained (--dry-run)\n",
                  data.train.size(), data.dev.size(), data.test.size());
    return 0;
  }
  TuneHooks hooks;
  hooks.progress = &session.progress();
  hooks.run = session.run();
  hooks.command = command_line(session, session.arguments().empty() ? "demo" : "tune");
  hooks.title = title;
  hooks.resume = resume;
  const TuneResult result = tune(options, std::move(data), session.shared().seed, folder, hooks);
  if (session.json()) {
    session.result(tune_json(result));
    return 0;
  }
  print_systems(session, result);
  session.print("\nAgainst the untuned model: {}.\n", change_text(result.change));
  if (result.training.tokens_per_second > 0) {
    session.print(
        "Trained {} tokens in {} ({:.0f} tokens/s, peak memory {}); everything took {}.\n",
        with_commas(result.training.tokens), format_duration(result.training.seconds),
        result.training.tokens_per_second, format_bytes(result.peak_memory),
        format_duration(result.seconds));
  } else {  // resumed after the last step
    session.print("Training had ended after {} tokens (peak memory {}); everything else took {}.\n",
                  with_commas(result.training.tokens), format_bytes(result.peak_memory),
                  format_duration(result.seconds));
  }
  if (result.writing_after) {
    session.print(
        "Written answers: repetition {:.3f} (before {:.3f}), {:.0f} % loop, {:.0f} % reach no "
        "end.\n",
        result.writing_after->mean_repetition, result.writing_before->mean_repetition,
        100 * result.writing_after->looping, 100 * result.writing_after->unfinished);
  }
  print_rows(session, result);
  print_exports(session, result);
  print_next(session, result);
  return 0;
}

}  // namespace bantam
