#include "bantam/train/committed_folder.h"

#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/version.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kPartial = ".partial";

// Every failure here is the disk's: no space, no permission, an I/O error.
void check(const std::error_code& failed, const Path& path, std::string_view action) {
  if (!failed) return;
  throw resource_error("{}: cannot {}: {}", escaped(path.native()), action, failed.message());
}

void remove_folder(const Path& folder) {
  std::error_code failed;
  fs::remove_all(folder, failed);
  check(failed, folder, "remove");
}

Path partial_of(const Path& folder) {
  return folder.parent_path() / fmt::format(".{}{}", folder.filename().native(), kPartial);
}

void write_manifest(const Path& folder, const std::vector<FolderFile>& files) {
  Json listed = Json::object();
  for (const FolderFile& file : files) {
    listed[file.name] = {{"bytes", fs::file_size(folder / file.name)},
                         {"sha256", sha256_of_file(folder / file.name)}};
  }
  const Json manifest{{"format", kFormat}, {"bantam", version()}, {"files", listed}};
  write_file_atomically(folder / kManifest, dump_json(manifest, 1) + "\n");
}

// A folder cannot be renamed over one that has files; the old one steps aside for that moment.
void put_in_place(const Path& partial, const Path& folder) {
  std::error_code failed;
  Path aside;
  if (fs::exists(folder)) {
    aside = folder.parent_path() / fmt::format(".{}.old{}", folder.filename().native(), kPartial);
    remove_folder(aside);
    fs::rename(folder, aside, failed);
    check(failed, folder, "move aside");
  }
  fs::rename(partial, folder, failed);
  check(failed, folder, "rename");
  sync_folder(folder.parent_path());
  if (!aside.empty()) remove_folder(aside);
}

}  // namespace

void commit_folder(const Path& folder, const std::vector<FolderFile>& files,
                   const AtPoint& at_point) {
  const auto at = [&](std::string_view point) {
    if (at_point) at_point(point);
  };
  const Path partial = partial_of(folder);
  remove_folder(partial);
  std::error_code failed;
  fs::create_directories(partial, failed);
  check(failed, partial, "make the folder");
  try {
    for (std::size_t i = 0; i < files.size(); ++i) {
      files[i].write(partial / files[i].name);
      if (i == 0) at("between-files");
    }
    at("before-manifest");
    write_manifest(partial, files);
    sync_folder(partial);
    at("before-rename");
    put_in_place(partial, folder);
  } catch (...) {
    fs::remove_all(partial, failed);  // a second failure would hide the first
    throw;
  }
}

void verify_folder(const Path& folder) {
  const std::string name = escaped(folder.native());
  if (!fs::exists(folder / kManifest)) {
    throw input_error("{}: no {}: it was never completed", name, kManifest);
  }
  const Json manifest = parse_json(read_file(folder / kManifest, std::uint64_t{1} << 20));
  if (!manifest.is_object() || !manifest.contains("format") || !manifest.contains("files") ||
      !manifest["files"].is_object() || !manifest["format"].is_number_integer()) {
    throw input_error("{}: {} has no format and files", name, kManifest);
  }
  if (manifest["format"].get<std::int64_t>() > kFormat) {
    throw input_error(
        "{}: written in format {} by Bantam {}; this is Bantam {}, which reads format {}", name,
        manifest["format"].get<std::int64_t>(), escaped(manifest.value("bantam", "unknown")),
        version(), kFormat);
  }
  for (const auto& [file, facts] : manifest["files"].items()) {
    const Path path = folder / Path(file).filename();
    std::error_code failed;
    const std::uint64_t size = fs::file_size(path, failed);
    if (failed) throw input_error("{}: {} is missing", name, escaped(file));
    const auto expected = facts.value("bytes", std::uint64_t{0});
    if (size != expected) {
      throw input_error("{}: {} has {} bytes, the manifest says {}", name, escaped(file),
                        with_commas(static_cast<std::int64_t>(size)),
                        with_commas(static_cast<std::int64_t>(expected)));
    }
    const std::string found = sha256_of_file(path);
    if (found != facts.value("sha256", "")) {
      throw input_error("{}: {} was altered: SHA-256 {}, the manifest says {}", name, escaped(file),
                        found, escaped(facts.value("sha256", "")));
    }
  }
}

void remove_partial_folders(const Path& parent) {
  std::error_code failed;
  std::vector<Path> left;
  for (const auto& entry : fs::directory_iterator(parent, failed)) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with('.') && name.ends_with(kPartial) && entry.is_directory()) {
      left.push_back(entry.path());
    }
  }
  for (const Path& path : left) remove_folder(path);
}

}  // namespace bantam
