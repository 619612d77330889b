#include "bantam/recipe/tune/tune_report.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "bantam/base/machine.h"
#include "bantam/base/threads.h"
#include "bantam/base/version.h"
#include "bantam/recipe/tune/report_page.h"

namespace bantam {
namespace {

bool is_classification(const TuneResult& result) {
  return result.data.kind == Row::Kind::classification;
}

// Long texts are cut at a character's edge; the page is for looking, the data file has the rest.
std::string shown(std::string text) {
  constexpr std::size_t kMost = 400;
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::string machine_text() {
  const Processor cpu = processor();
  return fmt::format("{}, {} threads, {} of memory; bantam {}", cpu.model, thread_count(),
                     format_bytes(memory_of_machine().total), version());
}

Json interval_json(const Interval& interval) {
  return {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
}

Json systems_json(const TuneResult& result) {
  Json systems = Json::array();
  for (const SystemResult& system : result.baselines) systems.push_back(system_json(system));
  systems.push_back(system_json(result.after));
  systems.back()["ours"] = true;
  return systems;
}

Json metrics_json(const TuneResult& result) {
  Json metrics = Json::array();
  metrics.push_back(
      {{"key", "accuracy"}, {"name", is_classification(result) ? "Accuracy" : "Exact match"}});
  if (result.after.macro_f1) metrics.push_back({{"key", "macro_f1"}, {"name", "Macro-F1"}});
  if (result.after.loss) metrics.push_back({{"key", "loss"}, {"name", "Loss a token"}});
  return metrics;
}

Json tiles_json(const TuneResult& result) {
  const std::string name = is_classification(result) ? "accuracy" : "exact match";
  const SystemResult& before = result.baselines[result.before];
  Json tiles = Json::array();
  tiles.push_back({{"value", fmt::format("{:.3f}", result.after.accuracy.value)},
                   {"label", name + " after tuning"}});
  tiles.push_back(
      {{"value", fmt::format("{:.3f}", before.accuracy.value)}, {"label", name + " before"}});
  tiles.push_back({{"value", format_duration(result.training.seconds)}, {"label", "of training"}});
  tiles.push_back({{"value", fmt::format("{:.0f}", result.training.tokens_per_second)},
                   {"label", "tokens a second"}});
  tiles.push_back({{"value", format_bytes(result.peak_memory)}, {"label", "peak memory"}});
  return tiles;
}

Json curve_json(const TuneResult& result) {
  Json train = Json::array(), dev = Json::array();
  for (const CurvePoint& point : result.train_curve) train.push_back({point.step, point.loss});
  for (const CurvePoint& point : result.dev_curve)
    dev.push_back({{"step", point.step}, {"loss", point.loss}});
  return {{"train", train}, {"dev", dev}};
}

void add_classes(Json& report, const TuneResult& result) {
  if (!result.after.classes) return;
  const ClassificationScores& classes = *result.after.classes;
  report["confusion"] = {{"classes", result.data.labels}, {"matrix", classes.confusion}};
  Json list = Json::array();
  for (std::size_t i = 0; i < classes.per_class.size(); ++i) {
    const ClassScores& one = classes.per_class[i];
    list.push_back({{"label", result.data.labels[i]},
                    {"precision", one.precision},
                    {"recall", one.recall},
                    {"f1", one.f1},
                    {"support", one.support}});
  }
  report["per_class"] = list;
}

Json rows_json(const TuneResult& result, const std::vector<std::size_t>& rows) {
  Json list = Json::array();
  for (const std::size_t i : rows) {
    const Row& row = result.data.test[i];
    list.push_back({{"text", shown(input_of(row))},
                    {"truth", shown(answer_of(row))},
                    {"before", shown(result.baselines[result.before].answers[i].text)},
                    {"after", shown(result.after.answers[i].text)}});
  }
  return list;
}

Json exports_json(const TuneResult& result) {
  Json list = Json::array();
  for (const ExportCheck& check : result.exports) {
    list.push_back({{"kind", check.kind},
                    {"path", check.path.filename().string()},
                    {"size", format_bytes(check.bytes)},
                    {"answers", fmt::format("{} of {}", check.same, check.compared)},
                    {"difference", check.largest_difference}});
  }
  return list;
}

const ExportCheck* export_of(const TuneResult& result, std::string_view kind) {
  for (const ExportCheck& check : result.exports) {
    if (check.kind == kind) return &check;
  }
  return nullptr;
}

Json commands_json(const TuneResult& result, const TuneHooks& hooks) {
  Json list = Json::array();
  list.push_back({{"says", "Repeat this run:"}, {"line", hooks.command}});
  if (const ExportCheck* file = export_of(result, "gguf")) {
    list.push_back({{"says", "Talk to the tuned model:"},
                    {"line", fmt::format("bantam chat -m {}", file->path.string())}});
  } else if (const ExportCheck* adapter = export_of(result, "peft")) {
    list.push_back(
        {{"says", "Talk to the tuned model:"},
         {"line", fmt::format("bantam chat -m {}+{}", result.model_name, adapter->path.string())}});
  }
  return list;
}

Json data_json(const TuneResult& result) {
  const TuneData& data = result.data;
  Json facts = Json::array();
  facts.push_back({{"name", "kind"}, {"value", std::string(name_of(data.kind))}});
  for (const auto& [name, value] : data.facts) facts.push_back({{"name", name}, {"value", value}});
  Json out = {{"rows", data.train.size() + data.dev.size() + data.test.size()},
              {"train", data.train.size()},
              {"dev", data.dev.size()},
              {"test", data.test.size()},
              {"facts", facts}};
  if (is_classification(result)) {
    const Row& row = data.train[0];
    out["prompt"] = fill_template(data.task.prompt, row) + fill_template(data.task.answer, row);
  }
  return out;
}

std::string summary_text(const TuneResult& result) {
  const SystemResult& before = result.baselines[result.before];
  return fmt::format(
      "{} was taught {} rows in {}: {} went from {:.3f} to {:.3f} on {} rows it had not seen.",
      result.model_name, with_commas(static_cast<std::int64_t>(result.data.train.size())),
      format_duration(result.training.seconds),
      is_classification(result) ? "accuracy" : "exact match", before.accuracy.value,
      result.after.accuracy.value, with_commas(static_cast<std::int64_t>(result.data.test.size())));
}

Json report_json(const TuneResult& result, const TuneHooks& hooks) {
  Json report;
  report["title"] = hooks.title.empty() ? "Tuned: " + result.model_name : hooks.title;
  report["summary"] = summary_text(result);
  report["created"] = today();
  report["machine"] = machine_text();
  report["metric"] = {{"key", "accuracy"},
                      {"name", is_classification(result) ? "Accuracy" : "Exact match"}};
  report["metrics"] = metrics_json(result);
  report["systems"] = systems_json(result);
  report["paired"] = "Against the untuned model, zero-shot: " + change_text(result.change) + ".";
  report["tiles"] = tiles_json(result);
  report["curve"] = curve_json(result);
  add_classes(report, result);
  report["fixed"] = rows_json(result, fixed_rows(result, 10));
  report["wrong"] = rows_json(result, wrong_rows(result, 10));
  Json plan = Json::array();
  for (const PlanLine& line : result.plan.lines) {
    plan.push_back({{"name", line.name}, {"value", line.value}, {"rule", line.rule}});
  }
  report["plan"] = plan;
  report["data"] = data_json(result);
  report["exports"] = exports_json(result);
  report["commands"] = commands_json(result, hooks);
  report["footer"] =
      fmt::format("Made by bantam {}. Intervals: 95 %, bootstrap over test rows.", version());
  return report;
}

}  // namespace

Json system_json(const SystemResult& system) {
  Json out = {{"name", system.name},
              {"accuracy", interval_json(system.accuracy)},
              {"seconds", system.seconds}};
  if (system.macro_f1) out["macro_f1"] = interval_json(*system.macro_f1);
  if (system.loss) out["loss"] = interval_json(*system.loss);
  return out;
}

std::string text_of(const Interval& interval) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", interval.value, interval.low, interval.high);
}

std::string change_text(const McNemar& change) {
  const std::string p = change.p < 1e-6 ? "p < 1e-6" : fmt::format("p = {:.2g}", change.p);
  return fmt::format(
      "{} rows went from wrong to right, {} from right to wrong (McNemar's test, {})", change.fixed,
      change.broken, p);
}

std::vector<std::size_t> fixed_rows(const TuneResult& result, std::size_t count) {
  const auto& before = result.baselines[result.before].answers;
  const auto& after = result.after.answers;
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (after[i].correct && !before[i].correct) rows.push_back(i);
  }
  std::ranges::stable_sort(rows, {}, [&](std::size_t i) { return after[i].truth_loss; });
  rows.resize(std::min(rows.size(), count));
  return rows;
}

std::vector<std::size_t> wrong_rows(const TuneResult& result, std::size_t count) {
  const auto& after = result.after.answers;
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (!after[i].correct) rows.push_back(i);
  }
  std::ranges::stable_sort(rows, {}, [&](std::size_t i) { return -after[i].truth_loss; });
  rows.resize(std::min(rows.size(), count));
  return rows;
}

std::string report_html(const TuneResult& result, const TuneHooks& hooks) {
  std::string json = dump_json(report_json(result, hooks));
  // Inside a script element only "</" and "<!" can end the text early; in JSON strings "<" may be
  // written as an escape.
  for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos; at += 6)
    json.replace(at, 1, "\\u003c");
  std::string page(report_page());
  constexpr std::string_view kMark = "{{REPORT}}";
  page.replace(page.find(kMark), kMark.size(), json);
  return page;
}

std::string model_card(const TuneResult& result, const TuneHooks& hooks) {
  std::string text = fmt::format(
      "---\nlibrary_name: bantam\nbase_model: {}\ntags:\n- bantam\n---\n\n# {}\n\n{}\n\n",
      result.model_name, hooks.title.empty() ? "Tuned " + result.model_name : hooks.title,
      summary_text(result));
  text += "| system | accuracy | 95 % interval |\n| --- | --- | --- |\n";
  const auto line = [&text](const SystemResult& system) {
    text += fmt::format("| {} | {:.3f} | {:.3f} to {:.3f} |\n", system.name, system.accuracy.value,
                        system.accuracy.low, system.accuracy.high);
  };
  for (const SystemResult& system : result.baselines) line(system);
  line(result.after);
  text += fmt::format(
      "\nAgainst the untuned model: {}.\n\nTrained on {}.\n\n## Repeat\n\n```\n{}\n```\n",
      change_text(result.change), machine_text(), hooks.command);
  return text;
}

Json task_json(const TuneResult& result) {
  Json out = {{"kind", std::string(name_of(result.data.kind))}, {"base_model", result.model_name}};
  if (is_classification(result)) {
    out["prompt"] = result.data.task.prompt;
    out["answer"] = result.data.task.answer;
    out["labels"] = result.data.labels;
  }
  return out;
}

Json tune_json(const TuneResult& result) {
  Json out = {{"model", result.model_name},
              {"folder", result.folder.string()},
              {"report", result.report.string()},
              {"train_rows", result.data.train.size()},
              {"dev_rows", result.data.dev.size()},
              {"test_rows", result.data.test.size()},
              {"systems", systems_json(result)},
              {"fixed", result.change.fixed},
              {"broken", result.change.broken},
              {"p", result.change.p},
              {"steps", result.training.steps},
              {"tokens", result.training.tokens},
              {"training_seconds", result.training.seconds},
              {"tokens_per_second", result.training.tokens_per_second},
              {"peak_memory_bytes", result.peak_memory},
              {"seconds", result.seconds},
              {"exports", exports_json(result)}};
  return out;
}

}  // namespace bantam
