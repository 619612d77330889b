#include "bantam/train/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "bantam/base/error.h"
#include "bantam/base/system_error.h"

namespace bantam {

FolderLock::FolderLock(const Path& folder) {
  const Path path = folder / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw system_error(errno, path, "open", Error::Kind::resources);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
    // The number is for the message of whoever comes second; the lock itself is the kernel's.
    const std::string holder = fmt::format("{}\n", ::getpid());
    if (::ftruncate(descriptor_, 0) == 0) {
      [[maybe_unused]] const ssize_t written =
          ::pwrite(descriptor_, holder.data(), holder.size(), 0);
    }
    return;
  }
  std::string holder(32, '\0');
  const ssize_t count = ::pread(descriptor_, holder.data(), holder.size(), 0);
  ::close(descriptor_);
  holder.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  throw usage_error(
      "{}: process {} is training into this folder; wait for it or choose another "
      "--out",
      escaped(folder.native()), holder.empty() ? "unknown" : escaped(holder, 20));
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace bantam
