#include "bantam/train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <system_error>
#include <thread>

#include "bantam/base/error.h"
#include "bantam/model/safetensors.h"
#include "bantam/tensor/ops/reduce.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCheckpoint = "checkpoint-";
constexpr std::string_view kBest = "best-";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kState = "state.json";

std::string folder_name(std::string_view prefix, std::int64_t step) {
  return fmt::format("{}{:06}", prefix, step);
}

// Steps of the folders with this prefix, newest first.
std::vector<std::int64_t> steps_in(const Path& folder, std::string_view prefix) {
  std::vector<std::int64_t> steps;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().native();
    if (!name.starts_with(prefix) || !entry.is_directory()) continue;
    std::int64_t step = 0;
    const char* const begin = name.data() + prefix.size();
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(begin, end, step);
    if (parsed.ec == std::errc() && parsed.ptr == end && begin != end) steps.push_back(step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

FolderFile tensor_file(const char* name, const NamedTensorList& tensors) {
  return {name, [&tensors](const Path& path) { write_safetensors(path, tensors); }};
}

// Copies: the file may be deleted while the run goes on.
NamedTensorList read_tensors(const Path& path) {
  const auto file = SafetensorsFile::open(path);
  NamedTensorList tensors;
  for (const std::string& name : file->names()) {
    tensors.emplace_back(name, file->tensor(name).clone());
  }
  return tensors;
}

Checkpoint read_checkpoint(const Path& folder, std::int64_t step) {
  verify_folder(folder);
  return {.step = step,
          .state = parse_json(read_file(folder / kState)),
          .weights = read_tensors(folder / kWeights),
          .optimizer = read_tensors(folder / kOptimizer)};
}

void require_finite(const NamedTensorList& weights, std::int64_t step) {
  for (const auto& [name, tensor] : weights) {
    if (all_finite(tensor)) continue;
    throw Error(Error::Kind::diverged,
                fmt::format("weight {} is not finite after step {}; no checkpoint was written; "
                            "lower --lr and resume from the one before",
                            name, step));
  }
}

}  // namespace

CheckpointStore::CheckpointStore(Path folder, int keep, ProgressSink& progress,
                                 std::vector<double> retry_waits)
    : folder_(std::move(folder)),
      keep_(keep),
      progress_(progress),
      retry_waits_(std::move(retry_waits)) {}

void CheckpointStore::commit(const Path& folder, const std::vector<FolderFile>& files,
                             const AtPoint& at_point) {
  for (std::size_t attempt = 0;; ++attempt) {
    try {
      commit_folder(folder, files, at_point);
      verify_folder(folder);
      return;
    } catch (const Error& error) {
      if (attempt == retry_waits_.size()) {
        if (error.kind() == Error::Kind::resources) throw;
        // Read back other than written: the disk's fault as well.
        throw resource_error("{}", error.what());
      }
      progress_.note(
          fmt::format("{}; trying again in {:.0f} s", error.what(), retry_waits_[attempt]));
      std::this_thread::sleep_for(std::chrono::duration<double>(retry_waits_[attempt]));
    }
  }
}

void CheckpointStore::save(const Checkpoint& checkpoint, const AtPoint& at_point) {
  require_finite(checkpoint.weights, checkpoint.step);
  const std::vector<FolderFile> files = {
      tensor_file(kWeights, checkpoint.weights),
      tensor_file(kOptimizer, checkpoint.optimizer),
      {kState,
       [&checkpoint](const Path& path) {
         write_file_atomically(path, dump_json(checkpoint.state, 1) + "\n");
       }},
  };
  commit(folder_ / folder_name(kCheckpoint, checkpoint.step), files, at_point);
  if (at_point) at_point("before-rotation");
  rotate(checkpoint.step);
  rotate_best(checkpoint.state);
}

void CheckpointStore::rotate(std::int64_t newest_step) {
  int kept = 0;
  for (const std::int64_t step : steps_in(folder_, kCheckpoint)) {
    // A later step than the newest is one that could not be read when the run was resumed.
    if (step <= newest_step && kept++ < keep_) continue;
    std::error_code failed;
    fs::remove_all(folder_ / folder_name(kCheckpoint, step), failed);
    if (failed) {
      progress_.note(fmt::format("an old checkpoint stays: cannot remove {}: {}",
                                 folder_name(kCheckpoint, step), failed.message()));
    }
  }
}

// The best weights that a checkpoint still on disk refers to stay with it.
void CheckpointStore::rotate_best(const Json& newest_state) {
  const auto best_of = [](const Json& state) {
    return state.contains("best") ? state["best"].value("step", std::int64_t{-1}) : -1;
  };
  std::set<std::int64_t> wanted = {best_of(newest_state)};
  for (const std::int64_t step : steps_in(folder_, kCheckpoint)) {
    const Path state = folder_ / folder_name(kCheckpoint, step) / kState;
    if (fs::exists(state)) wanted.insert(best_of(parse_json(read_file(state))));
  }
  for (const std::int64_t step : steps_in(folder_, kBest)) {
    std::error_code ignored;
    if (!wanted.contains(step)) fs::remove_all(folder_ / folder_name(kBest, step), ignored);
  }
}

std::optional<Checkpoint> CheckpointStore::newest() const {
  std::string last_reason;
  for (const std::int64_t step : steps_in(folder_, kCheckpoint)) {
    const Path folder = folder_ / folder_name(kCheckpoint, step);
    try {
      Checkpoint checkpoint = read_checkpoint(folder, step);
      if (!last_reason.empty()) {
        progress_.note(fmt::format("going back to {}", folder_name(kCheckpoint, step)));
      }
      return checkpoint;
    } catch (const Error& error) {
      last_reason = error.what();
      progress_.note(fmt::format("a checkpoint is not usable: {}", last_reason));
    }
  }
  if (!last_reason.empty()) {
    throw input_error("{}: no usable checkpoint; the last one tried: {}; start again with --force",
                      escaped(folder_.native()), last_reason);
  }
  return std::nullopt;
}

void CheckpointStore::save_best(std::int64_t step, const NamedTensorList& weights) {
  require_finite(weights, step);
  commit(folder_ / folder_name(kBest, step), {tensor_file(kWeights, weights)}, {});
}

NamedTensorList CheckpointStore::best(std::int64_t step) const {
  const Path folder = folder_ / folder_name(kBest, step);
  verify_folder(folder);
  return read_tensors(folder / kWeights);
}

}  // namespace bantam
