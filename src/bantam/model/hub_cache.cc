#include "bantam/model/hub_cache.h"

#include <algorithm>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/model/hub_settings.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModels = "models--";
constexpr std::size_t kFewestDigits = 7;
constexpr std::size_t kShownDigits = 12;
constexpr std::uint64_t kMaxRefBytes = 256;
constexpr int kMaxFolders = 4;  // as deep as names of files may be

bool is_folder(const Path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string folder_name(const HubName& name) {
  return fmt::format("{}{}{}{}", kModels, name.owner, name.owner.empty() ? "" : "--", name.name);
}

// "models--owner--name", or "models--name" of the oldest models.
std::optional<HubName> name_of_folder(std::string_view text) {
  if (!text.starts_with(kModels)) return std::nullopt;
  text.remove_prefix(kModels.size());
  HubName name;
  if (const std::size_t dashes = text.find("--"); dashes != std::string_view::npos) {
    name.owner = text.substr(0, dashes);
    text.remove_prefix(dashes + 2);
    if (!is_plain_part(name.owner)) return std::nullopt;
  }
  if (!is_plain_part(text) || text.find("--") != std::string_view::npos) return std::nullopt;
  name.name = text;
  return name;
}

// "" for a ref that is not there or holds something else than a commit.
std::string read_ref(const Path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return "";
  std::string commit = read_file(file, kMaxRefBytes);
  while (!commit.empty() && commit.back() == '\n') commit.pop_back();
  return is_plain_part(commit) ? commit : "";
}

// The only snapshot whose commit begins with `digits`; "" if none or several do.
std::string commit_beginning_with(const Path& snapshots, std::string_view digits) {
  if (digits.size() < kFewestDigits) return "";
  std::string found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(snapshots, ignored)) {
    const std::string commit = entry.path().filename().string();
    if (!commit.starts_with(digits)) continue;
    if (!found.empty()) return "";
    found = commit;
  }
  return found;
}

// With the hash that the link's blob is named by, so that what is here can be checked offline.
HubFile file_at(const fs::directory_entry& entry, std::string name) {
  std::error_code ignored;
  HubFile file{std::move(name), entry.file_size(ignored)};
  if (!entry.is_symlink(ignored)) return file;
  const std::string blob = fs::read_symlink(entry.path(), ignored).filename().string();
  if (is_sha1(blob)) file.git_sha1 = blob;
  if (is_sha256(blob)) file.sha256 = blob;
  return file;
}

void add_files(const Path& folder, const std::string& prefix, int depth,
               std::vector<HubFile>& files) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = prefix + entry.path().filename().string();
    if (entry.is_directory(ignored) && depth < kMaxFolders) {
      add_files(entry.path(), name + "/", depth + 1, files);
    } else if (entry.is_regular_file(ignored)) {
      files.push_back(file_at(entry, name));
    }
  }
}

std::vector<std::pair<std::string, std::string>> refs_of(const Path& repository) {
  std::vector<std::pair<std::string, std::string>> refs;  // commit, revision
  std::error_code failed;
  const Path folder = repository / "refs";
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string commit = read_ref(entry->path());
    if (!commit.empty())
      refs.emplace_back(commit, entry->path().lexically_relative(folder).generic_string());
  }
  std::sort(refs.begin(), refs.end());
  return refs;
}

void make_folder(const Path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    throw resource_error(
        "{}: cannot make this folder: {}; HF_HUB_CACHE can name another place for models",
        escaped(folder.string()), failed.message());
  }
}

// `relative` below `root`, made part by part; a link among the parts could lead anywhere.
Path make_folder_below(const Path& root, const Path& relative) {
  Path folder = root;
  for (const Path& part : relative) {
    folder /= part;
    std::error_code ignored;
    if (fs::is_symlink(fs::symlink_status(folder, ignored))) {
      throw refused_error(
          "{}: is a link, and Bantam writes through no link inside the cache; to keep models "
          "elsewhere, set HF_HUB_CACHE",
          escaped(folder.string()));
    }
    make_folder(folder);
  }
  return folder;
}

void rename_or_throw(const Path& from, const Path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (failed) throw resource_error("{}: {}", escaped(to.string()), failed.message());
}

}  // namespace

std::optional<HubSnapshot> find_snapshot(const HubName& name) {
  const Path repository = hub_cache_folder() / folder_name(name);
  std::string commit = read_ref(repository / "refs" / name.revision);
  if (commit.empty() && is_plain_part(name.revision)) {
    commit = is_folder(repository / "snapshots" / name.revision)
                 ? name.revision
                 : commit_beginning_with(repository / "snapshots", name.revision);
  }
  if (commit.empty() || !is_folder(repository / "snapshots" / commit)) return std::nullopt;
  return HubSnapshot{repository / "snapshots" / commit, commit};
}

std::vector<HubFile> files_in(const HubSnapshot& snapshot) {
  std::vector<HubFile> files;
  add_files(snapshot.folder, "", 1, files);
  std::sort(files.begin(), files.end(),
            [](const HubFile& a, const HubFile& b) { return a.name < b.name; });
  return files;
}

std::vector<std::pair<HubName, HubSnapshot>> cached_snapshots() {
  std::vector<std::pair<HubName, HubSnapshot>> found;
  std::error_code ignored;
  for (const auto& repository : fs::directory_iterator(hub_cache_folder(), ignored)) {
    auto name = name_of_folder(repository.path().filename().string());
    if (!name) continue;
    const auto refs = refs_of(repository.path());
    for (const auto& entry : fs::directory_iterator(repository.path() / "snapshots", ignored)) {
      const HubSnapshot snapshot{entry.path(), entry.path().filename().string()};
      name->revision = snapshot.commit.substr(0, kShownDigits);
      bool named = false;
      for (const auto& [commit, revision] : refs) {
        if (commit != snapshot.commit) continue;
        name->revision = revision;
        found.emplace_back(*name, snapshot);
        named = true;
      }
      if (!named) found.emplace_back(*name, snapshot);
    }
  }
  return found;
}

std::optional<HubName> name_in_cache(const Path& path) {
  // Within a snapshot no folder is called "snapshots", so the first one above counts.
  Path inside;
  for (Path at = path; at.has_relative_path(); at = at.parent_path()) {
    const Path snapshots = at.parent_path();
    if (snapshots.filename() == "snapshots") {
      auto name = name_of_folder(snapshots.parent_path().filename().string());
      if (!name) return std::nullopt;
      name->revision = at.filename().string();
      name->file = inside.generic_string();
      return name;
    }
    inside = inside.empty() ? at.filename() : at.filename() / inside;
  }
  return std::nullopt;
}

bool is_blob_of(const Path& snapshot_folder, const Path& file) {
  Path snapshots = snapshot_folder.parent_path();
  while (snapshots.has_relative_path() && snapshots.filename() != "snapshots")
    snapshots = snapshots.parent_path();
  if (!snapshots.has_relative_path()) return false;
  const Path repository = snapshots.parent_path();
  return file.parent_path() == repository / "blobs" ||
         file.parent_path().parent_path() == repository.parent_path() / "blobs";
}

HubRepository::HubRepository(const HubName& name, std::string commit, bool links)
    : cache_(hub_cache_folder()), commit_(std::move(commit)), links_(links) {
  make_folder(cache_);
  folder_ = make_folder_below(cache_, folder_name(name));
  make_folder_below(folder_, "blobs");
  make_folder_below(folder_, Path("snapshots") / commit_);
}

Path HubRepository::partial(const std::string& hash) const {
  return folder_ / "blobs" / (hash + ".incomplete");
}

Path HubRepository::lock_file(const std::string& hash) const {
  return make_folder_below(cache_, Path(".locks") / folder_.filename()) / (hash + ".lock");
}

std::optional<Path> HubRepository::find(const HubFile& file) const {
  std::error_code ignored;
  if (fs::is_regular_file(blob(file.hash()), ignored)) return link(file, true);
  // Without links the file itself lies in the snapshot.
  if (fs::is_regular_file(fs::symlink_status(snapshot() / file.name, ignored)))
    return snapshot() / file.name;
  return std::nullopt;
}

Path HubRepository::publish(const HubFile& file) const {
  rename_or_throw(partial(file.hash()), blob(file.hash()));
  sync_folder(folder_ / "blobs");
  return link(file, false);
}

Path HubRepository::link(const HubFile& file, bool keep_blob) const {
  const Path relative = file.name;
  const Path path = make_folder_below(snapshot(), relative.parent_path()) / relative.filename();
  const Path target = blob(file.hash()).lexically_relative(path.parent_path());
  std::error_code failed;
  if (fs::is_symlink(fs::symlink_status(path, failed)) &&
      fs::read_symlink(path, failed) == target) {
    return path;
  }
  fs::remove(path, failed);
  if (links_) fs::create_symlink(target, path, failed);
  if (!links_ || failed) {  // a file system without links, such as FAT
    if (!keep_blob) {
      rename_or_throw(blob(file.hash()), path);
    } else {
      fs::copy_file(blob(file.hash()), path, fs::copy_options::overwrite_existing, failed);
      if (failed) throw resource_error("{}: {}", escaped(path.string()), failed.message());
    }
  }
  sync_folder(path.parent_path());
  return path;
}

std::string HubRepository::commit_of(const std::string& revision) const {
  return read_ref(folder_ / "refs" / revision);
}

void HubRepository::write_ref(const std::string& revision) const {
  if (revision == commit_) return;
  const Path file = folder_ / "refs" / revision;
  make_folder_below(folder_, (Path("refs") / revision).parent_path());
  if (read_ref(file) != commit_) write_file_atomically(file, commit_);
}

}  // namespace bantam
