#include "bantam/train/loss_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "bantam/base/error.h"
#include "bantam/base/system_error.h"

namespace bantam {

LossLog::LossLog(const Path& path, std::uint64_t bytes) : path_(path), bytes_(bytes) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw system_error(errno, path, "open", Error::Kind::resources);
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0 || static_cast<std::uint64_t>(facts.st_size) < bytes) {
    ::close(descriptor_);
    throw input_error("{}: has {} bytes, the checkpoint was written after {}",
                      escaped(path.native()), facts.st_size, bytes);
  }
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0 ||
      ::lseek(descriptor_, static_cast<off_t>(bytes), SEEK_SET) < 0) {
    const int code = errno;
    ::close(descriptor_);
    throw system_error(code, path, "cut", Error::Kind::resources);
  }
}

LossLog::~LossLog() { ::close(descriptor_); }

void LossLog::add(const Json& line) {
  const std::string text = dump_json(line) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(errno, path_, "write", Error::Kind::resources);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  bytes_ += text.size();
}

std::uint64_t LossLog::sync() {
  if (::fsync(descriptor_) != 0) {
    throw system_error(errno, path_, "sync", Error::Kind::resources);
  }
  return bytes_;
}

}  // namespace bantam
