#include "bantam/base/options.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/recipe/bench/device_bench.h"

namespace bantam {

namespace {

struct BenchDeviceOptions {
  int repeat = 5;
  ByteCount buffer{0};
};

}  // namespace

template <>
void describe(Describer<BenchDeviceOptions>& d) {
  d(&BenchDeviceOptions::repeat, "repeat", "Measurements of each rate; the median is shown.",
    between(1, 1000));
  d(&BenchDeviceOptions::buffer, "buffer",
    "Memory read in one pass; 0: eight times the last cache, 256 MiB to 1 GiB.");
}

namespace {

class BenchDevice final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const DeviceBench bench =
        bench_device({options_.repeat, options_.buffer.bytes}, session.progress());
    if (Run* run = session.run()) {
      run->log(0, "memory_bytes_per_second", bench.best_memory_read());
      for (const MatmulPrecision type : gemm_types()) {
        run->log(0, fmt::format("gemm_{}_per_second", name_of(type)), bench.best_gemm(type));
      }
      run->log(0, "integer_products_per_second", bench.best_integer());
      run->add_row(device_bench_json(bench));
    }
    if (session.json()) {
      session.result(device_bench_json(bench));
    } else {
      print(session, bench);
    }
    return 0;
  }

 private:
  static void print(Session& session, const DeviceBench& bench) {
    session.print("{}\n", machine_line(bench));
    session.print("caches: {} and {} a core, {} shared; {}\n\n",
                  format_bytes(bench.caches.level1_data), format_bytes(bench.caches.level2),
                  format_bytes(bench.caches.level3), bench.system);
    Table table({"what", ">rate", "unit", ">spread"});
    for (const MemoryRate& one : bench.memory) {
      table.add({fmt::format("memory read, {} thread{}, {}", one.threads,
                             one.threads == 1 ? "" : "s", format_bytes(one.bytes)),
                 fmt::format("{:.1f}", one.rate.median / 1e9), "GB/s", percent(one.rate)});
    }
    table.add_rule();
    for (const GemmRate& one : bench.gemm) {
      table.add({fmt::format("{} product {} x {} x {}", one.type, one.m, one.n, one.k),
                 fmt::format("{:.0f}", one.rate.median / 1e9),
                 one.type.starts_with("i") ? "GOP/s" : "GFLOP/s", percent(one.rate)});
    }
    if (!bench.integer.empty()) table.add_rule();
    for (const GemmRate& one : bench.integer) {
      table.add({fmt::format("integer product {} x {} x {}, {}", one.m, one.n, one.k, one.type),
                 fmt::format("{:.0f}", one.rate.median / 1e9), "GOP/s", percent(one.rate)});
    }
    const IntegerPeak& peak = bench.integer_peak;
    if (!peak.instructions.empty()) {
      table.add({fmt::format("registers only: {}", peak.instructions),
                 fmt::format("{:.0f}", peak.rate.median / 1e9), "GOP/s", percent(peak.rate)});
    }
    for (const GemmRate& one : bench.passages) {
      table.add(
          {fmt::format("product of a passage {} x {} x {}, {}", one.m, one.n, one.k, one.type),
           fmt::format("{:.0f}", one.rate.median / 1e9), "GFLOP/s", percent(one.rate)});
      table.add({"tiles in a first-level cache: tdpbf16ps",
                 fmt::format("{:.0f}", bench.tile_peak.median / 1e9), "GFLOP/s",
                 percent(bench.tile_peak)});
    }
    session.print(table);
  }

  static std::string percent(const Spread& spread) {
    return fmt::format("{:.0f} %", 100 * spread.relative());
  }

  BenchDeviceOptions options_;
};

}  // namespace

Command bench_device_command() {
  return {.name = "bench device",
          .group = CommandGroup::operate,
          .summary = "Measure what this machine can do: memory read and matrix products.",
          .details =
              "These rates are the bounds that `bench model` and `bench train` compare themselves "
              "with. Integer products are those that answers over quantized weights are made of, "
              "for one row, 16 and 512; their bound is the instruction in use on registers alone, "
              "without memory. Prompts are read as passages, in bf16, where the CPU has AMX. Each "
              "is the median of --repeat measurements; the spread is largest "
              "minus "
              "least, as a share of the median. A spread above 10 % says that something else runs.",
          .examples = {{"bantam bench device", ""},
                       {"bantam bench device --threads 1 --json", "One thread, for scripts."}},
          .shared = {"no_run", "name"},
          .recorded = true,
          .body = [] { return std::make_unique<BenchDevice>(); }};
}

}  // namespace bantam
