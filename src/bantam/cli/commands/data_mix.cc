#include "bantam/cli/commands.h"
#include "bantam/cli/data_options.h"
#include "bantam/cli/session.h"
#include "bantam/data/mix.h"

namespace bantam {

namespace {

struct DataMixOptions {
  DataOptions data;
  std::int64_t rows = 0;
};

}  // namespace

template <>
void describe(Describer<DataMixOptions>& d) {
  d.nested(&DataMixOptions::data);
  d(&DataMixOptions::rows, "rows",
    "Rows of the mixture; 0: as many as the weights allow without repeating one.",
    at_least<std::int64_t>(0));
}

namespace {

class DataMix final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const std::string out = session.shared().out.value_or("");
    if (out.empty())
      throw usage_error("data mix: expected a file for the mixture, such as -o mixed.jsonl");
    std::vector<std::vector<Row>> sources;
    std::vector<std::string> names;
    std::vector<double> weights;
    std::vector<Path> inputs;
    for (const std::string& reference : session.arguments()) {
      const DataRef ref = parse_data_ref(reference);
      const Dataset data = read_data(session, {reference}, options_.data);
      sources.emplace_back(data.begin(), data.end());
      weights.push_back(ref.weight.value_or(1.0));
      names.push_back(ref.name);
      inputs.emplace_back(ref.path);
    }
    require_fresh_output(out, session.shared().force, inputs);
    const Dataset mixed(
        mix(std::move(sources), weights,
            {.rows = options_.rows, .seed = static_cast<std::uint64_t>(session.shared().seed)}));
    write_jsonl(out, mixed);
    report(session, names, mixed, out);
    return 0;
  }

 private:
  static void report(Session& session, const std::vector<std::string>& names, const Dataset& mixed,
                     const std::string& out) {
    Json counts = Json::object();
    for (const std::string& name : names) counts[name] = 0;
    for (const Row& row : mixed) counts[row.source] = counts.value(row.source, 0) + 1;
    if (session.json()) {
      session.result({{"out", out},
                      {"rows", mixed.size()},
                      {"sources", counts},
                      {"sha256", mixed.content_hash()}});
      return;
    }
    session.print("{}: {} rows\n", out, with_commas(static_cast<std::int64_t>(mixed.size())));
    for (const auto& [name, count] : counts.items()) {
      session.print("  {:<16} {} ({:.1f} %)\n", name, with_commas(count.get<std::int64_t>()),
                    100.0 * count.get<double>() / static_cast<double>(mixed.size()));
    }
  }

  DataMixOptions options_;
};

}  // namespace

Command data_mix_command() {
  return {.name = "data mix",
          .group = CommandGroup::make_data,
          .summary = "Mix sources in given proportions, shuffled by a seed.",
          .arguments = {{.name = "DATA",
                         .help = "[NAME=]PATH[#SPLIT][:WEIGHT]; the weight is 1 when unset.",
                         .most = Argument::kAny}},
          .examples = {{"bantam data mix agent.jsonl:0.3 chat.jsonl:0.7 -o mixed.jsonl", ""}},
          .shared = {"out", "seed", "force"},
          .body = [] { return std::make_unique<DataMix>(); }};
}

}  // namespace bantam
