#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bantam/base/files.h"
#include "bantam/base/system_error.h"

namespace bantam {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

}  // namespace

AtomicFile::AtomicFile(Path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored) || path_.filename().empty()) {
    throw usage_error("{}: expected the name of a file to write, found a folder",
                      escaped(path_.native()));
  }
  // Two writers of one process may aim at one name; each gets its own partial file, the last commit
  // wins.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    std::string name = fmt::format(".{}.partial-{}", path_.filename().native(), ::getpid());
    if (attempt > 0) name += fmt::format("-{}", attempt);
    partial_ = path_.parent_path() / name;
    descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0 || errno == EINTR || (errno == EEXIST && attempt < 1000)) continue;
    throw system_error(errno, path_, "write", Error::Kind::usage);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

void AtomicFile::write(std::string_view text) {
  if (descriptor_ < 0) {
    throw internal_error("{}: write after commit", escaped(path_.native()));
  }
  position_ += text.size();
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void AtomicFile::write(Bytes bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void AtomicFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const std::string action = fmt::format(
          "write {} bytes at byte {}", with_commas(static_cast<std::int64_t>(rest.size())),
          with_commas(static_cast<std::int64_t>(position_ - rest.size())));
      throw system_error(errno, path_, action, Error::Kind::resources);
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
}

void AtomicFile::commit() {
  flush();
  // A failed fsync means the write failed: the kernel may have dropped the pages, so it is never
  // tried again.
  if (::fsync(descriptor_) != 0) throw system_error(errno, path_, "sync", Error::Kind::resources);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 && errno != EINTR) {
    throw system_error(errno, path_, "close", Error::Kind::resources);
  }
  if (::rename(partial_.c_str(), path_.c_str()) != 0) {
    throw system_error(errno, path_, "replace", Error::Kind::resources);
  }
  partial_.clear();
  sync_folder(path_.parent_path());
}

void write_file_atomically(const Path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

}  // namespace bantam
