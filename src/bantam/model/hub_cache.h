// The folder in which Hugging Face's tools keep what they fetched, shared with them:
//
//   models--OWNER--NAME/blobs/HASH              content; HASH is its SHA-256, or git's SHA-1 of it
//   models--OWNER--NAME/blobs/HASH.incomplete   the beginning of such a content
//   models--OWNER--NAME/snapshots/COMMIT/FILE   -> ../../blobs/HASH
//   models--OWNER--NAME/refs/REVISION           the commit that a branch or tag stood for
//   .locks/models--OWNER--NAME/HASH.lock        held by whoever fetches HASH
//   blobs/AB/XET_HASH                           content that several models share (their store)
//
// https://huggingface.co/docs/huggingface_hub/guides/manage-cache. What they note besides (trees/,
// .no_exist/) only saves them requests; Bantam neither reads nor writes it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/hub_listing.h"
#include "bantam/model/hub_name.h"

namespace bantam {

/// A commit of a model as far as it lies in the cache.
struct HubSnapshot {
  Path folder;
  std::string commit;
};

/// What `name.revision` stands for in the cache: the commit of the branch or tag when it was last
/// fetched, or a commit given by all or at least 7 of its digits. Nothing when it is not there.
std::optional<HubSnapshot> find_snapshot(const HubName& name);

/// The files of a snapshot with their sizes, named as the hub names them; sorted.
std::vector<HubFile> files_in(const HubSnapshot& snapshot);

/// The models of the cache, each of their revisions; a commit without branch or tag by 12 digits.
std::vector<std::pair<HubName, HubSnapshot>> cached_snapshots();

/// The model and commit whose snapshot holds `path` (or is it), with the file within; by the form
/// of the path alone.
std::optional<HubName> name_in_cache(const Path& path);

/// Whether `file`, a link of a snapshot, leads to content that belongs to it: a blob of the same
/// model, or one in the store that the cache's models share. Both paths are canonical.
bool is_blob_of(const Path& snapshot_folder, const Path& file);

/// One model's folder in the cache, for writing. Everything below the cache's own folder is made
/// and checked here: where a link stands instead of a folder, nothing is written (U2).
class HubRepository {
 public:
  /// Throws Error(resources) when the folders cannot be made and Error(refused) for such a link.
  HubRepository(const HubName& name, std::string commit, bool links);

  Path blob(const std::string& hash) const { return folder_ / "blobs" / hash; }
  Path partial(const std::string& hash) const;
  /// Its folder is made now: a cache that may only be read needs no locks while nothing is missing.
  Path lock_file(const std::string& hash) const;
  Path snapshot() const { return folder_ / "snapshots" / commit_; }
  const Path& folder() const { return folder_; }

  /// The file's path in the snapshot, if its content is there.
  std::optional<Path> find(const HubFile& file) const;
  /// Gives `partial(hash)` its name, and the file its link to it; returns the file's path.
  Path publish(const HubFile& file) const;
  /// The commit that `revision` stood for until now; "" if it was not known.
  std::string commit_of(const std::string& revision) const;
  /// Notes the commit for a branch or tag: last, so that a fetch which broke off changes nothing.
  void write_ref(const std::string& revision) const;

 private:
  Path link(const HubFile& file, bool keep_blob) const;

  Path cache_, folder_;
  std::string commit_;
  bool links_ = true;
};

}  // namespace bantam
