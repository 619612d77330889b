#include "bantam/model/hub_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "bantam/base/error.h"
#include "bantam/base/system_error.h"

namespace bantam {
namespace {

constexpr auto kBetweenTries = std::chrono::milliseconds(100);

int open_lock(const Path& file) {
  // Writable for the group: several users may share a cache.
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
  if (descriptor >= 0) return descriptor;
  if (errno == ELOOP) {
    throw refused_error("{}: is a link, and Bantam writes through no link inside the cache",
                        escaped(file.string()));
  }
  throw system_error(errno, file, "open", Error::Kind::resources);
}

// A holder may remove the file when it is done; a lock on what is gone keeps nobody out.
bool is_still_there(int descriptor, const Path& file) {
  struct stat held {
  }, named{};
  return ::fstat(descriptor, &held) == 0 && ::stat(file.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

}  // namespace

HubLock::HubLock(const Path& file, const std::function<void()>& waiting) {
  while (true) {
    descriptor_ = open_lock(file);
    const int failed = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    // Some network file systems have no locks: contents are checked by their hash all the same.
    const bool unavailable = failed != 0 && failed != EWOULDBLOCK && failed != EINTR;
    if (unavailable || (failed == 0 && is_still_there(descriptor_, file))) return;
    ::close(descriptor_);
    descriptor_ = -1;
    if (failed != 0) {
      waiting();
      std::this_thread::sleep_for(kBetweenTries);
    }
  }
}

HubLock::~HubLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void wait_for_other_pull(std::string_view content, ProgressSink& progress, bool& told) {
  if (const int signal = Interrupt::requested(); signal != 0)
    throw Interrupted(signal, "the process that fetches the same goes on");
  if (!told)
    progress.note(fmt::format("{}: another process is fetching it; waiting for that", content));
  told = true;
}

}  // namespace bantam
