// What a report of a problem needs to say about a machine, and whether Bantam can work on it.
#include <dnnl.h>

#include <filesystem>

#include "bantam/base/machine.h"
#include "bantam/base/options.h"
#include "bantam/base/threads.h"
#include "bantam/base/version.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"
#include "bantam/model/model_reference.h"

namespace bantam {

namespace {

constexpr std::uint64_t kLittleMemory = std::uint64_t{2} << 30;
constexpr std::uint64_t kLittleDisk = std::uint64_t{2} << 30;

struct Fact {
  std::string section, name, value;
  std::string trouble;  // what to do about it; "" when all is well
};

std::string isa_name(dnnl_cpu_isa_t isa) {
  switch (isa) {
    case dnnl_cpu_isa_sse41:
      return "SSE4.1";
    case dnnl_cpu_isa_avx:
      return "AVX";
    case dnnl_cpu_isa_avx2:
      return "AVX2";
    case dnnl_cpu_isa_avx512_core:
      return "AVX-512";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "AVX-512 VNNI";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "AVX-512 BF16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "AMX";
    default:
      return "other";
  }
}

std::string find_default_model() {
  try {
    return resolve_model_reference(default_model_name()).path.string();
  } catch (const Error&) {
    return "";  // the error says how to fetch it, and so does this page
  }
}

void add_software(std::vector<Fact>& facts) {
  const dnnl_version_t* dnnl = dnnl_version();
  facts.push_back({"Software", "bantam", std::string(version()), ""});
  facts.push_back({"Software", "compiler", "GCC " __VERSION__, ""});
  facts.push_back({"Software", "oneDNN",
                   fmt::format("{}.{}.{}, uses {}", dnnl->major, dnnl->minor, dnnl->patch,
                               isa_name(dnnl_get_effective_cpu_isa())),
                   ""});
  facts.push_back({"Software", "system", system_name(), ""});
}

void add_machine(std::vector<Fact>& facts) {
  const Processor cpu = processor();
  facts.push_back({"Machine", "processor", cpu.model, ""});
  facts.push_back({"Machine", "threads", fmt::format("{} of {}", thread_count(), cpu.count), ""});
  std::string features;
  for (const std::string& feature : cpu.features)
    features += (features.empty() ? "" : " ") + feature;
  facts.push_back({"Machine", "features", features.empty() ? "none of those Bantam uses" : features,
                   features.empty() ? "without AVX2 everything runs, slowly" : ""});
  const Memory memory = memory_of_machine();
  facts.push_back(
      {"Machine", "memory",
       fmt::format("{} free of {}", format_bytes(memory.available), format_bytes(memory.total)),
       memory.available < kLittleMemory ? "training the default model wants 2 GiB" : ""});
}

void add_places(std::vector<Fact>& facts) {
  const Path home = home_folder();
  std::error_code failed;
  Path existing = home;
  while (!std::filesystem::exists(existing, failed) && existing.has_parent_path() &&
         existing != existing.parent_path()) {
    existing = existing.parent_path();
  }
  const auto space = std::filesystem::space(existing, failed);
  facts.push_back({"Places", "home", home.string(), ""});
  facts.push_back(
      {"Places", "disk", failed ? "unknown" : format_bytes(space.available) + " free",
       !failed && space.available < kLittleDisk ? "free some space or choose another --home" : ""});
  const std::string model = find_default_model();
  facts.push_back({"Places", "default model", model.empty() ? "not here" : model,
                   model.empty() ? "fetch it: bantam model pull" : ""});
  if (std::filesystem::exists(home / "runs.sqlite", failed)) {
    const auto store = RunStore::open(home);
    facts.push_back({"Places", "run store", fmt::format("{} runs", store->list(1'000'000).size()),
                     store->warning()});
  } else {
    facts.push_back({"Places", "run store", "none yet", ""});
  }
}

class Doctor final : public CommandBody {
 public:
  int run(Session& session) override {
    std::vector<Fact> facts;
    add_software(facts);
    add_machine(facts);
    add_places(facts);
    if (session.json()) {
      Json out = Json::object();
      for (const Fact& fact : facts) {
        Json& entry = out[fact.section][fact.name];
        entry = Json{{"value", fact.value}, {"ok", fact.trouble.empty()}};
        if (!fact.trouble.empty()) entry["advice"] = fact.trouble;
      }
      session.result(out);
      return 0;
    }
    print(session, facts);
    return 0;
  }

 private:
  static void print(Session& session, const std::vector<Fact>& facts) {
    std::string section;
    for (const Fact& fact : facts) {
      if (fact.section != section) {
        session.print("{}{}\n", section.empty() ? "" : "\n", bold(fact.section, session.color()));
        section = fact.section;
      }
      session.print("  {:<15}{}\n", fact.name, fact.value);
      if (!fact.trouble.empty()) session.print("  {:<15}! {}\n", "", fact.trouble);
    }
  }
};

}  // namespace

Command doctor_command() {
  return {.name = "doctor",
          .summary = "Say what this machine offers and what is missing.",
          .details =
              "Versions, processor features, memory, disk, folders and the default model: what a "
              "report of a problem needs. Lines with ! tell what to do.",
          .examples = {{"bantam doctor", ""}, {"bantam doctor --json", "For scripts and reports."}},
          .body = [] { return std::make_unique<Doctor>(); }};
}

}  // namespace bantam
