// Files: memory-mapped reading, whole-file reading with a limit, and writing that is either
// complete or absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bantam {

using Path = std::filesystem::path;
using Bytes = std::span<const std::byte>;

/// A file mapped read-only for as long as any copy of the handle lives. Throws Error(input) when
/// the path is not a regular file or cannot be opened, naming the path.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const Path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  Bytes bytes() const { return {data_, size_}; }
  const Path& path() const { return path_; }

 private:
  MappedFile() = default;
  Path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Whole content of a regular file. Throws Error(input) when it is longer than `limit` bytes.
std::string read_file(const Path& path, std::uint64_t limit = std::uint64_t{256} << 20);

/// Writes beside `path` (".NAME.partial-PID"), syncs, renames over `path` and syncs the folder. On
/// any failure, the destructor included, the partial file is removed and whatever stood at `path`
/// is untouched. Disk full, quota, read-only: Error(resources) naming path, bytes and cause.
class AtomicFile {
 public:
  explicit AtomicFile(Path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(Bytes bytes);
  void write(std::string_view text);
  std::uint64_t position() const { return position_; }
  /// Makes the file appear under its name. Nothing may be written afterwards.
  void commit();

 private:
  Path path_, partial_;
  int descriptor_ = -1;
  std::uint64_t position_ = 0;
  std::string buffer_;
  void flush();
};

void write_file_atomically(const Path& path, std::string_view content);

/// fsync of a folder: after renames inside it, this makes them survive a power cut.
void sync_folder(const Path& folder);

/// Lower-case hexadecimal SHA-256.
std::string sha256(Bytes bytes);
std::string sha256_of_file(const Path& path);

/// Where Bantam keeps models and runs: --home, $BANTAM_HOME, else $XDG_DATA_HOME/bantam, else
/// ~/.local/share/bantam.
Path home_folder();
void set_home_folder(Path folder);

/// Refuses (Error usage) an output that exists, unless `force`; refuses always when it is one of
/// `inputs`.
void require_fresh_output(const Path& output, bool force, std::span<const Path> inputs = {});

}  // namespace bantam
