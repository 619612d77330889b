// The calls that change files, seen and spoilt: this test program answers open, write, fsync,
// rename, mkdir and unlink itself, records them below one folder, or makes the n-th one fail.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bantam/base/files.h"

namespace bantam {

struct FileEvent {
  enum class Kind { create, write, sync, rename, remove, make_folder } kind;
  std::string path;       ///< relative to the folder
  std::string text = "";  ///< what was written, or the new name
};

/// While alive, events below `folder` are kept. One at a time.
class RecordedFolder {
 public:
  explicit RecordedFolder(const Path& folder);
  ~RecordedFolder();
  RecordedFolder(const RecordedFolder&) = delete;
  RecordedFolder& operator=(const RecordedFolder&) = delete;

  const std::vector<FileEvent>& events() const;
  /// The n-th event from now (from 0) fails with `error`, and all later ones when `persistent`.
  void fail(std::size_t n, int error, bool persistent);
  bool has_failed() const;  ///< some event did
};

using FolderContent = std::map<std::string, std::string>;  ///< relative path -> bytes
FolderContent content_of(const Path& folder);

/// What the disk holds when the power goes after the first `count` events: everything, or without
/// the bytes that no fsync followed.
FolderContent after_events(const FolderContent& before, const std::vector<FileEvent>& events,
                           std::size_t count, bool unsynced_is_lost);

/// Makes `folder` hold exactly `content`.
void restore(const Path& folder, const FolderContent& content);

}  // namespace bantam
