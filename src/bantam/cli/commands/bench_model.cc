#include "bantam/cli/commands.h"
#include "bantam/cli/commands/bench_table.h"
#include "bantam/recipe/bench/model_bench.h"

namespace bantam {

namespace {

class BenchModel final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const ModelBench bench = bench_model(session.arguments()[0], options_, session.progress());
    const Json json = model_bench_json(bench);
    for (std::size_t i = 0; i < bench.rows.size(); ++i) {
      record_bench_row(session, bench.rows[i], json["rows"][i]);
    }
    if (Run* run = session.run()) {
      run->log(0, "peak resident bytes", static_cast<double>(bench.memory.peak_resident));
      run->add_row({{"kind", "memory"}, {"memory", json["memory"]}, {"device", json["device"]}});
    }
    if (session.json()) {
      session.result(json);
    } else {
      print(session, bench);
    }
    return 0;
  }

 private:
  static void print(Session& session, const ModelBench& bench) {
    session.print("{} on {}\n\n", bench.model, machine_line(bench.device));
    Table table({"what", ">reached", "unit", ">spread", ">bound", ">share", "bound by"});
    for (const BenchRow& row : bench.rows) {
      table.add({row.work, figure_text(row.value.median), row.unit,
                 percent_text(row.value.relative()), figure_text(row.bound),
                 percent_text(row.share), row.bound_by});
    }
    session.print(table);
    const BenchMemory& memory = bench.memory;
    const double estimate = static_cast<double>(memory.estimate.total);
    session.print(
        "\nmemory: {} weights, {} keys and values of {} tokens; estimated {}, measured {} "
        "({:+.0f} %)\n",
        format_bytes(memory.estimate.weights), format_bytes(memory.estimate.kv_cache),
        with_commas(memory.estimate.context), format_bytes(memory.estimate.total),
        format_bytes(memory.peak_resident),
        100 * (static_cast<double>(memory.peak_resident) / estimate - 1));
  }

  ModelBenchOptions options_;
};

}  // namespace

Command bench_model_command() {
  return {
      .name = "bench model",
      .group = CommandGroup::operate,
      .summary = "Measure how fast a model runs here, beside what the machine allows.",
      .details =
          "First token (loading from warm files included), reading a prompt, decoding at depths of "
          "context, many streams at once, and memory. The bound of decoding is the bytes of "
          "weights "
          "and of keys and values that a token reads, over the memory speed measured on as many "
          "bytes; of prompts and streams the operations over what the machine reaches: 8-bit "
          "integers for quantized weights, floating point for attention and the rest. The share "
          "says how much of the bound was reached.\n\n"
          "Streams count the tokens they write, over the time of reading and writing.",
      .arguments = {{"MODEL", "A model reference."}},
      .examples = {{"bantam bench model smollm2-135m-instruct", "All rows."},
                   {"bantam bench model model.gguf --only decode --depth 0,2048,8000",
                    "How decoding slows down as the context grows."}},
      .shared = {"no_run", "name"},
      .recorded = true,
      .body = [] { return std::make_unique<BenchModel>(); }};
}

}  // namespace bantam
