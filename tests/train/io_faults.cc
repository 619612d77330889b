#include "tests/train/io_faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <fstream>
#include <optional>

namespace bantam {
namespace {

struct Recorder {
  std::string root;
  std::vector<FileEvent> events;
  std::map<int, std::string> open_files;  ///< descriptor -> relative path
  std::optional<std::size_t> fails_at;
  std::size_t seen = 0;
  int error = 0;
  bool persistent = false, failed = false;
};

Recorder* recorder = nullptr;

std::optional<std::string> below_root(const char* path) {
  if (recorder == nullptr || path == nullptr) return {};
  const std::string_view text(path);
  if (text == recorder->root) return "";
  if (!text.starts_with(recorder->root + "/")) return {};
  return std::string(text.substr(recorder->root.size() + 1));
}

// True when the event must fail: errno is set then and nothing recorded.
bool spoil(FileEvent event) {
  const std::size_t number = recorder->seen++;
  if (recorder->fails_at &&
      (number == *recorder->fails_at || (recorder->persistent && number > *recorder->fails_at))) {
    errno = recorder->error;
    recorder->failed = true;
    return true;
  }
  recorder->events.push_back(std::move(event));
  return false;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  const auto name = below_root(path);
  const bool creates = name && (flags & O_CREAT) != 0;
  if (creates && spoil({FileEvent::Kind::create, *name})) return -1;
  static auto* const real = next<int(const char*, int, ...)>("open");
  const int descriptor = real(path, flags, mode);
  if (name && descriptor >= 0) recorder->open_files[descriptor] = *name;
  return descriptor;
}

int close(int descriptor) {
  if (recorder != nullptr) recorder->open_files.erase(descriptor);
  static auto* const real = next<int(int)>("close");
  return real(descriptor);
}

ssize_t write(int descriptor, const void* data, size_t size) {
  if (recorder != nullptr && recorder->open_files.contains(descriptor) &&
      spoil({FileEvent::Kind::write, recorder->open_files[descriptor],
             std::string(static_cast<const char*>(data), size)})) {
    return -1;
  }
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  return real(descriptor, data, size);
}

int fsync(int descriptor) {
  if (recorder != nullptr && recorder->open_files.contains(descriptor) &&
      spoil({FileEvent::Kind::sync, recorder->open_files[descriptor]})) {
    return -1;
  }
  static auto* const real = next<int(int)>("fsync");
  return real(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  const auto old_name = below_root(from), new_name = below_root(to);
  if (old_name && new_name && spoil({FileEvent::Kind::rename, *old_name, *new_name})) return -1;
  static auto* const real = next<int(const char*, const char*)>("rename");
  return real(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  const auto name = below_root(path);
  if (name && spoil({FileEvent::Kind::make_folder, *name})) return -1;
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return real(path, mode);
}

int unlink(const char* path) noexcept {
  const auto name = below_root(path);
  if (name && spoil({FileEvent::Kind::remove, *name})) return -1;
  static auto* const real = next<int(const char*)>("unlink");
  return real(path);
}

// How std::filesystem::remove_all works through a folder.
int unlinkat(int folder, const char* path, int flags) noexcept {
  if (recorder != nullptr) {
    const Path parent =
        folder == AT_FDCWD
            ? Path()
            : std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(folder));
    const auto name = below_root((parent / path).c_str());
    if (name && spoil({FileEvent::Kind::remove, *name})) return -1;
  }
  static auto* const real = next<int(int, const char*, int)>("unlinkat");
  return real(folder, path, flags);
}

}  // extern "C"

namespace {
Recorder the_recorder;
}

RecordedFolder::RecordedFolder(const Path& folder) {
  the_recorder = {};
  the_recorder.root = folder.string();
  recorder = &the_recorder;
}
RecordedFolder::~RecordedFolder() { recorder = nullptr; }
const std::vector<FileEvent>& RecordedFolder::events() const { return the_recorder.events; }
void RecordedFolder::fail(std::size_t n, int error, bool persistent) {
  the_recorder.fails_at = n, the_recorder.error = error, the_recorder.persistent = persistent;
  the_recorder.seen = 0, the_recorder.failed = false;
}
bool RecordedFolder::has_failed() const { return the_recorder.failed; }

FolderContent content_of(const Path& folder) {
  FolderContent content;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    content[std::filesystem::relative(entry.path(), folder).string()] = read_file(entry.path());
  }
  return content;
}

FolderContent after_events(const FolderContent& before, const std::vector<FileEvent>& events,
                           std::size_t count, bool unsynced_is_lost) {
  struct File {
    std::string bytes, synced;
  };
  std::map<std::string, File> files;
  for (const auto& [name, bytes] : before) files[name] = {bytes, bytes};
  const auto move = [&](const std::string& from, const std::string& to) {
    std::map<std::string, File> moved;
    for (auto file = files.begin(); file != files.end();) {
      const bool inside = file->first == from || file->first.starts_with(from + "/");
      if (inside) moved[to + file->first.substr(from.size())] = file->second;
      file = inside ? files.erase(file) : std::next(file);
    }
    for (auto& [name, file] : moved) files[name] = std::move(file);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const FileEvent& event = events[i];
    switch (event.kind) {
      case FileEvent::Kind::create:
        files[event.path];
        break;
      case FileEvent::Kind::write:
        files[event.path].bytes += event.text;
        break;
      case FileEvent::Kind::sync:
        if (files.contains(event.path)) files[event.path].synced = files[event.path].bytes;
        break;
      case FileEvent::Kind::rename:
        move(event.path, event.text);
        break;
      case FileEvent::Kind::remove:
        files.erase(event.path);
        break;
      case FileEvent::Kind::make_folder:
        break;
    }
  }
  FolderContent after;
  for (auto& [name, file] : files) after[name] = unsynced_is_lost ? file.synced : file.bytes;
  return after;
}

void restore(const Path& folder, const FolderContent& content) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : content) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
}

}  // namespace bantam
