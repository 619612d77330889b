// A folder that is complete or absent: written aside, every file synced, a manifest with the
// SHA-256 of each file last, then renamed to its final name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

/// Called between the stages of writing; tests end the process there.
using AtPoint = std::function<void(std::string_view point)>;

struct FolderFile {
  std::string name;
  std::function<void(const Path& path)> write;  ///< writes and syncs one file
};

/// Writes `files` under `folder`, replacing what stood there only after the new one is complete.
/// Throws Error(resources) when the disk refuses; then nothing of it is left and an older folder of
/// this name is untouched. Points: "between-files" (after the first file), "before-manifest",
/// "before-rename".
void commit_folder(const Path& folder, const std::vector<FolderFile>& files,
                   const AtPoint& at_point = {});

/// Reads every file of a committed folder and compares it with the manifest. Throws Error(input)
/// naming the folder and the first thing that is wrong: no manifest, a newer format, a file that is
/// missing, cut, or altered.
void verify_folder(const Path& folder);

/// Removes what interrupted writers left beside their targets in `parent`.
void remove_partial_folders(const Path& parent);

}  // namespace bantam
