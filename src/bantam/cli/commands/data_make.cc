#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/cli/split_output.h"
#include "bantam/data/debian_packages.h"
#include "bantam/data/split.h"

namespace bantam {

namespace {

struct DataMakeOptions {
  int per_section = 300;
  double dev = 0.07, test = 0.2;
};

}  // namespace

template <>
void describe(Describer<DataMakeOptions>& d) {
  d(&DataMakeOptions::per_section, "per_section", "Rows of a section at most.", at_least(2));
  d(&DataMakeOptions::dev, "dev", "Share of rows for choosing the best checkpoint.",
    between(0.0, 1.0));
  d(&DataMakeOptions::test, "test", "Share of rows for measuring at the end.", between(0.0, 1.0));
}

namespace {

using Generator = Dataset (*)(const DataMakeOptions& options, std::uint64_t seed);

Dataset debian_packages(const DataMakeOptions& options, std::uint64_t seed) {
  DebianOptions debian;
  debian.per_section = options.per_section;
  debian.seed = seed;
  return debian_section_rows(read_debian_index(), debian);
}

const Registry<Generator>& generators() {
  static const Registry<Generator> list{
      "generator",
      {{"debian-packages",
        "Short descriptions and sections from this machine's Debian package index.",
        debian_packages}}};
  return list;
}

class DataMake final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const std::string out = session.shared().out.value_or("");
    if (out.empty())
      throw usage_error("data make: expected a folder for the files, such as -o packages/");
    const auto seed = static_cast<std::uint64_t>(session.shared().seed);
    const Dataset data = generators().find(session.arguments()[0])(options_, seed);
    write_splits(session,
                 split_dataset(data, {.dev = options_.dev, .test = options_.test, .seed = seed}),
                 out);
    return 0;
  }

 private:
  DataMakeOptions options_;
};

}  // namespace

Command data_make_command() {
  return {.name = "data make",
          .group = CommandGroup::make_data,
          .summary = "Make a data set by a program: debian-packages.",
          .details =
              "debian-packages: the rows of `bantam demo`; what a package is, in one line, and the "
              "section of the "
              "archive it belongs to. One package of each source, so that sister packages never "
              "straddle a split.",
          .arguments = {{"GENERATOR", "debian-packages"}},
          .examples = {{"bantam data make debian-packages -o packages", ""}},
          .shared = {"out", "seed", "force"},
          .body = [] { return std::make_unique<DataMake>(); }};
}

}  // namespace bantam
