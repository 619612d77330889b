#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/data/dataset.h"
#include "bantam/data/format.h"
#include "bantam/eval/few_shot.h"
#include "bantam/eval/model_answers.h"
#include "bantam/recipe/tune/tune_report.h"

namespace bantam {

namespace {

struct EvalRunOptions {
  std::string model;
  std::string prompt_template;
  std::vector<std::string> labels;
  int shots = 0;
  std::string shots_from;
  std::int64_t max_tokens = 256;
  std::int64_t limit = 0;
};

}  // namespace

template <>
void describe(Describer<EvalRunOptions>& d) {
  d(&EvalRunOptions::model, "model", "Model to measure; default: smollm2-135m-instruct.");
  d(&EvalRunOptions::prompt_template, "template",
    "Prompt for labelled rows, with {text} where the text goes.");
  d(&EvalRunOptions::labels, "labels",
    "The options of labelled rows; default: the labels that occur.");
  d(&EvalRunOptions::shots, "shots", "Solved examples in front of each labelled row.",
    between(0, 64));
  d(&EvalRunOptions::shots_from, "shots_from",
    "Rows to take the examples from; they must not be the measured ones.");
  d(&EvalRunOptions::max_tokens, "max_tokens", "Longest written answer.",
    at_least(std::int64_t{1}));
  d(&EvalRunOptions::limit, "limit", "Measure only the first rows; 0: all.",
    at_least(std::int64_t{0}));
}

namespace {

class EvalRun final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    if (options_.shots > 0 && options_.shots_from.empty()) {
      throw usage_error("--shots needs --shots-from: rows that are not measured");
    }
    std::vector<DataRef> refs;
    for (const std::string& text : session.arguments()) refs.push_back(parse_data_ref(text));
    ReadOptions read;
    read.limit = options_.limit;
    const Dataset rows = Dataset::open(refs, read);
    const LoadedModel model = load_model(options_.model);
    std::optional<WritingReport> writing;
    const SystemResult result = rows[0].kind == Row::Kind::classification
                                    ? by_likelihood(session, model, rows)
                                    : by_writing(session, model, rows, writing);
    if (Run* run = session.run()) {
      run->log(0, "accuracy", result.accuracy.value);
      for (std::size_t i = 0; i < rows.size(); ++i)
        run->add_row(answer_json(rows[i], result.answers[i]));
    }
    tell(session, result, writing);
    return 0;
  }

 private:
  SystemResult by_likelihood(Session& session, const LoadedModel& model,
                             const Dataset& rows) const {
    TaskTemplate task;
    if (!options_.prompt_template.empty()) task.prompt = options_.prompt_template;
    const std::vector<std::string> labels =
        options_.labels.empty() ? labels_of(rows.rows()) : options_.labels;
    std::string prefix;
    if (options_.shots > 0) {
      const DataRef ref = parse_data_ref(options_.shots_from);
      const Dataset shots = Dataset::open({&ref, 1});
      prefix = few_shot_prefix(task, shots.rows(), options_.shots, 1234);
    }
    return answer_by_likelihood(model, model.name, rows.rows(), labels, task, prefix,
                                session.progress());
  }

  SystemResult by_writing(Session& session, const LoadedModel& model, const Dataset& rows,
                          std::optional<WritingReport>& writing) const {
    FormatOptions format;
    format.chat_template = model.chat_template;
    FormatReport report;
    const auto examples = Formatter(model.tokenizer, format).format(rows, report);
    if (examples.size() != rows.size()) {
      throw input_error(
          "{} of {} rows have no answer to compare with (first: {})", report.without_target.count,
          rows.size(),
          report.without_target.first.empty() ? "" : report.without_target.first.front());
    }
    writing.emplace();
    return answer_by_writing(model, model.name, rows.rows(), examples, options_.max_tokens,
                             *writing, session.progress());
  }

  static Json answer_json(const Row& row, const RowAnswer& answer) {
    Json out = {{"id", row.id},
                {"answer", answer.text},
                {"target", answer_of(row)},
                {"correct", answer.correct}};
    if (answer.truth_tokens > 0) out["logprob"] = -answer.truth_loss;
    return out;
  }

  static void tell(Session& session, const SystemResult& result,
                   const std::optional<WritingReport>& writing) {
    if (session.json()) {
      Json out = system_json(result);
      out["rows"] = result.answers.size();
      if (writing) {
        out["repetition"] = writing->mean_repetition;
        out["unfinished"] = writing->unfinished;
      }
      session.result(out);
      return;
    }
    session.print("{} on {} rows\n", result.name, result.answers.size());
    session.print("  {}  {}\n", result.classes ? "accuracy " : "exact match",
                  text_of(result.accuracy));
    if (result.macro_f1) session.print("  macro-F1   {}\n", text_of(*result.macro_f1));
    if (result.loss)
      session.print("  loss       {} nats a token of the true answer\n", text_of(*result.loss));
    if (writing) {
      session.print("  repetition {:.3f}; {:.1f} % of answers loop, {:.1f} % reach no end\n",
                    writing->mean_repetition, 100 * writing->looping, 100 * writing->unfinished);
    }
  }

  EvalRunOptions options_;
};

}  // namespace

Command eval_run_command() {
  return {
      .name = "eval run",
      .group = CommandGroup::judge,
      .summary =
          "Measure a model on rows: accuracy, macro-F1 or exact match, loss, with intervals.",
      .details =
          "Labelled rows are answered by the likelihood of each label; prompt/completion and chat "
          "rows by greedy "
          "writing, compared after trimming white space. Every answer is kept in the run record.",
      .arguments = {{"DATA", "Rows, as for tune.", 1, Argument::kAny}},
      .examples = {{"bantam eval run test.jsonl -m tuned/model-q8_0.gguf",
                    "A tuned model on its test rows."}},
      .shared = {"no_run", "name"},
      .recorded = true,
      .body = [] { return std::make_unique<EvalRun>(); }};
}

}  // namespace bantam
