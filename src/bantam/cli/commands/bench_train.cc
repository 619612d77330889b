#include "bantam/cli/commands.h"
#include "bantam/cli/commands/bench_table.h"
#include "bantam/recipe/bench/train_bench.h"

namespace bantam {

namespace {

class BenchTrain final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const TrainBench bench = bench_training(session.arguments()[0], options_, session.progress());
    const Json json = train_bench_json(bench);
    for (std::size_t i = 0; i < bench.rows.size(); ++i) {
      record_bench_row(session, bench.rows[i].row, json["rows"][i]);
    }
    if (session.json()) {
      session.result(json);
    } else {
      print(session, bench);
    }
    return 0;
  }

 private:
  static void print(Session& session, const TrainBench& bench) {
    session.print("{} on {}\n\n", bench.model, machine_line(bench.device));
    Table table({"what", ">tok/s", ">spread", ">bound", ">share", ">optimizer", ">tensors",
                 ">process", ">estimate"});
    for (const TrainBenchRow& one : bench.rows) {
      const BenchRow& row = one.row;
      table.add({row.work, figure_text(row.value.median), percent_text(row.value.relative()),
                 figure_text(row.bound), percent_text(row.share), percent_text(one.optimizer_share),
                 format_bytes(one.peak_tensors), format_bytes(one.peak_resident),
                 format_bytes(one.estimate)});
    }
    session.print(table);
    if (!bench.rows.empty()) session.print("bound by {}\n", bench.rows.front().row.bound_by);
  }

  TrainBenchOptions options_;
};

}  // namespace

Command bench_train_command() {
  return {
      .name = "bench train",
      .group = CommandGroup::operate,
      .summary = "Measure how fast a model trains here, beside what the machine allows.",
      .details =
          "Takes steps of the trainer on rows of random tokens: all weights (full), or a LoRA "
          "adapter over the weights as they lie in the file (lora). The bound counts the products "
          "of "
          "forward and backward over the measured rate of products; recomputation and everything "
          "else is what separates the share from 100 %. The last columns: the optimizer's share of "
          "the time, the peaks of tensor memory and of the process, and what was estimated for the "
          "process before the first step.",
      .arguments = {{"MODEL", "A model reference."}},
      .examples = {{"bantam bench train smollm2-135m-instruct", "Full and LoRA, two shapes."},
                   {"bantam bench train model.gguf --mode lora --shape 8x64 --rank 16",
                    "One row."}},
      .shared = {"no_run", "name"},
      .recorded = true,
      .body = [] { return std::make_unique<BenchTrain>(); }};
}

}  // namespace bantam
