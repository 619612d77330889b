#include "bantam/model/hub.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/model/hub_cache.h"
#include "bantam/model/hub_known.h"
#include "bantam/model/hub_listing_request.h"
#include "bantam/model/hub_lock.h"
#include "bantam/model/models_lock.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

constexpr double kMiB = 1 << 20;
constexpr std::size_t kShownDigits = 12;

ProgressSink& progress_of(const PullOptions& options) {
  return options.progress == nullptr ? silent_progress() : *options.progress;
}

std::string short_commit(const std::string& commit) { return commit.substr(0, kShownDigits); }

std::uint64_t size_of(const Path& file) {
  std::error_code failed;
  const std::uint64_t bytes = fs::file_size(file, failed);
  return failed ? 0 : bytes;
}

// A file alone, or the parts of a GGUF set, of which the first stands for all.
bool is_one_model(const std::vector<HubFile>& files) {
  return files.size() == 1 || files[0].name.ends_with(".gguf");
}

// All files of a pull as one phase, in mebibytes, with the rate of what comes in.
class PullProgress {
 public:
  PullProgress(ProgressSink& sink, const HubName& name, std::uint64_t bytes)
      : phase_(sink, "Fetching " + name.text(), static_cast<double>(bytes) / kMiB, "MiB") {}

  void advance(std::uint64_t bytes_of_file) {
    const double done = static_cast<double>(before_ + bytes_of_file);
    if (start_ < 0) start_ = done;  // what an earlier pull left says nothing of the speed
    const std::chrono::duration<double> elapsed = Clock::now() - started_;
    if (elapsed.count() < 0.5) {
      phase_.advance(done / kMiB);
    } else {
      phase_.advance(done / kMiB, {{"MiB/s", (done - start_) / kMiB / elapsed.count()}});
    }
  }
  void finish(std::uint64_t bytes_of_file) {
    before_ += bytes_of_file;
    phase_.advance(static_cast<double>(before_) / kMiB);
  }

 private:
  using Clock = std::chrono::steady_clock;
  ProgressPhase phase_;
  Clock::time_point started_ = Clock::now();
  std::uint64_t before_ = 0;
  double start_ = -1;
};

// One pull into the cache.
class HubPull {
 public:
  HubPull(const HubName& name, const HubSettings& settings, const PullOptions& options)
      : name_(name),
        settings_(settings),
        retries_(options.retries),
        progress_(progress_of(options)),
        listing_(fetch_listing(name, settings, options.retries, progress_)),
        files_(files_to_pull(listing_.files, name)),
        repository_(name, listing_.commit, settings.links) {}

  PulledModel run() {
    for (const HubFile& file : files_) require_hash(file);
    tell_if_moved();
    PulledModel model{.path = {}, .source = name_.text(), .files = {}};
    for (const HubFile& file : files_) {
      auto here = find(file);
      missing_.push_back(!here);
      model.files.push_back(here.value_or(PulledFile{}));
    }
    fetch_missing(model.files);
    repository_.write_ref(name_.revision);
    model.path = is_one_model(files_) ? model.files[0].path : repository_.snapshot();
    return model;
  }

 private:
  void require_hash(const HubFile& file) const {
    if (!file.hash().empty()) return;
    throw Error(
        Error::Kind::network,
        fmt::format("{}: {} states no hash of '{}', so it could not be checked; nothing "
                    "was fetched",
                    name_.text(), escaped(url_for_people(settings_.endpoint)), escaped(file.name)));
  }

  void tell_if_moved() {
    const std::string before = repository_.commit_of(name_.revision);
    if (before.empty() || before == listing_.commit) return;
    progress_.note(fmt::format(
        "{}: '{}' has moved on from commit {} to {}; what changed is fetched, and the older "
        "version stays as {}@{}",
        name_.repository(), name_.revision, short_commit(before), short_commit(listing_.commit),
        name_.repository(), short_commit(before)));
  }

  HubName name_of(const HubFile& file) const {
    HubName name = name_;
    name.revision = listing_.commit;
    name.file = file.name;
    name.quantization.clear();
    return name;
  }
  std::string shown(const HubFile& file) const {
    return fmt::format("{}:{}", name_.repository(), file.name);
  }

  // A file that is here, and is what it should be.
  std::optional<PulledFile> find(const HubFile& file) {
    const auto path = repository_.find(file);
    if (!path) return std::nullopt;
    const CheckedFile checked = check_hash(*path, file);
    if (!checked.problem.empty()) {
      progress_.note(fmt::format("{}: was damaged on this disk ({}); it is fetched again",
                                 shown(file), checked.problem));
      std::error_code ignored;
      fs::remove(repository_.blob(file.hash()), ignored);
      fs::remove(*path, ignored);
      return std::nullopt;
    }
    accept(*path, file, checked);
    return PulledFile{*path, checked.bytes, checked.sha256, false};
  }

  void accept(const Path& path, const HubFile& file, const CheckedFile& checked) const {
    check_lock(path, checked.sha256);
    if (!lock_entry(path))
      record_in_lock(path, {checked.sha256, name_of(file).text(), checked.bytes});
  }

  void fetch_missing(std::vector<PulledFile>& pulled) {
    std::uint64_t total = 0, left = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!missing_[i]) continue;
      total += files_[i].bytes;
      left += files_[i].bytes -
              std::min(files_[i].bytes, size_of(repository_.partial(files_[i].hash())));
    }
    if (std::count(missing_.begin(), missing_.end(), true) == 0) return;
    require_space(left);
    PullProgress progress(progress_, name_, total);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!missing_[i]) continue;
      pulled[i] = fetch(files_[i], progress);
      progress.finish(files_[i].bytes);
    }
  }

  void require_space(std::uint64_t bytes) const {
    std::error_code failed;
    const fs::space_info space = fs::space(repository_.folder(), failed);
    if (failed || space.available >= bytes) return;
    throw resource_error(
        "{}: {} are to be fetched, but {} has only {} free; make room, or set HF_HUB_CACHE to a "
        "folder on a larger disk",
        name_.text(), format_bytes(bytes), escaped(repository_.folder().string()),
        format_bytes(space.available));
  }

  PulledFile fetch(const HubFile& file, PullProgress& progress) {
    bool told = false;
    const HubLock held(repository_.lock_file(file.hash()),
                       [&] { wait_for_other_pull(shown(file), progress_, told); });
    if (auto here = find(file)) return *here;  // the other process was at it
    HubName at_commit = name_;
    at_commit.revision = listing_.commit;
    const HubDownload download{.request = file_request(settings_, at_commit, file.name),
                               .file = file,
                               .partial = repository_.partial(file.hash()),
                               .shown = shown(file)};
    const CheckedFile checked = fetch_checked_here(download, progress);
    require_unchanged(download, checked);
    const Path path = repository_.publish(file);
    accept(path, file, checked);
    return {path, checked.bytes, checked.sha256, true};
  }

  CheckedFile fetch_checked_here(const HubDownload& download, PullProgress& progress) {
    try {
      return fetch_checked(download, retries_, progress_,
                           [&](std::uint64_t done) { progress.advance(done); });
    } catch (const TransferError& problem) {
      throw explained(problem, name_of(download.file), settings_);
    } catch (const Interrupted& stop) {
      throw Interrupted(
          stop.signal(),
          fmt::format("what came of {} is kept, and the same command goes on from there",
                      name_.text()));
    } catch (const Error& problem) {
      if (problem.kind() != Error::Kind::resources) throw;
      throw resource_error("{}; what came is kept: make room and pull again", problem.what());
    }
  }

  // Before the content gets its name; accept() would be too late.
  void require_unchanged(const HubDownload& download, const CheckedFile& checked) const {
    try {
      check_lock(repository_.snapshot() / download.file.name, checked.sha256);
    } catch (const Error&) {
      remove_partial(download.partial);
      throw;
    }
  }

  HubName name_;
  HubSettings settings_;
  RetryPolicy retries_;
  ProgressSink& progress_;
  HubListing listing_;
  std::vector<HubFile> files_;
  HubRepository repository_;
  std::vector<bool> missing_;
};

// Of the files that would be pulled, those that the cache has; none when what was asked for is not
// among them.
std::vector<HubFile> files_here(const HubSnapshot& snapshot, const HubName& name) {
  try {
    return files_to_pull(files_in(snapshot), name);
  } catch (const Error&) {
    return {};
  }
}

// For those who may not or cannot reach the hub.
std::optional<PulledModel> already_in_cache(const HubName& name) {
  const auto snapshot = find_snapshot(name);
  const auto files = snapshot ? files_here(*snapshot, name) : std::vector<HubFile>{};
  if (files.empty()) return std::nullopt;
  PulledModel model{.path = snapshot->folder, .source = "already here", .files = {}};
  for (const HubFile& file : files) {
    const Path path = snapshot->folder / file.name;
    const CheckedFile checked = check_hash(path, file);
    if (!checked.problem.empty()) {
      throw input_error("{}: is damaged: {}; pull it again with the hub in reach",
                        escaped(path.string()), checked.problem);
    }
    check_lock(path, checked.sha256);
    model.files.push_back({path, checked.bytes, checked.sha256, false});
  }
  if (is_one_model(files)) model.path = model.files[0].path;
  return model;
}

PulledModel pull_from_hub(const HubName& name, const PullOptions& options) {
  const HubSettings settings = hub_settings();
  if (options.offline || !settings.offline.empty()) {
    if (auto model = already_in_cache(name)) return *model;
    throw refused_error("model '{}' is not on this machine and fetching is off ({})",
                        escaped(name.text()),
                        options.offline ? "--offline" : settings.offline + " is set");
  }
  try {
    return HubPull(name, settings, options).run();
  } catch (const Error& problem) {
    const auto snapshot = find_snapshot(name);
    if (problem.kind() != Error::Kind::network || !snapshot || files_here(*snapshot, name).empty())
      throw;
    throw Error(problem.kind(), fmt::format("{}; what was fetched before still works: -m {}",
                                            problem.what(), name.text()));
  }
}

}  // namespace

PulledModel pull_model(std::string_view reference, const PullOptions& options) {
  const std::string_view wanted = reference.empty() ? default_model_name() : reference;
  for (const KnownModel& known : known_models())
    if (known.name == wanted) return pull_known(known, options);
  if (const auto hub = parse_hub_name(wanted)) return pull_from_hub(*hub, options);
  std::vector<std::string> names;
  for (const KnownModel& known : known_models()) names.emplace_back(known.name);
  const std::string nearest = nearest_name(wanted, names);
  throw usage_error("model '{}': expected {} or owner/name[@revision][:file]{}", escaped(wanted),
                    names.front(), nearest.empty() ? "" : "; nearest: " + nearest);
}

}  // namespace bantam
