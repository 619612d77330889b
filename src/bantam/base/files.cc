#include "bantam/base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <system_error>

#include "bantam/base/file_pages.h"
#include "bantam/base/system_error.h"

namespace bantam {

Error system_error(int code, const Path& path, std::string_view action, Error::Kind otherwise) {
  std::string advice;
  Error::Kind kind = Error::Kind::resources;
  switch (code) {
    case ENOSPC:
      advice = "free some space or choose another folder";
      break;
    case EDQUOT:
      advice = "your disk quota is used up";
      break;
    case EROFS:
      advice = "the file system is mounted read-only; choose another folder";
      break;
    case EFBIG:
      advice = "the file would pass the size limit (ulimit -f)";
      break;
    case EMFILE:
    case ENFILE:
      advice = "raise the limit of open files (ulimit -n)";
      break;
    case EIO:
      advice = "the device reports a fault";
      break;
    case ENOMEM:
      break;
    case ENOENT:
      kind = otherwise, advice = "check the name and that its folder exists";
      break;
    case EACCES:
    case EPERM:
      kind = otherwise, advice = "check its permissions";
      break;
    default:
      kind = otherwise;
  }
  return Error(
      kind, fmt::format("{}: cannot {}: {}{}{}", escaped(path.native()), action,
                        std::generic_category().message(code), advice.empty() ? "" : "; ", advice));
}

namespace {

struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

// O_NONBLOCK: opening a pipe that nobody writes must not hang before fstat can refuse it.
std::uint64_t open_regular(const Path& path, Descriptor& file) {
  do {
    file.number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file.number < 0 && errno == EINTR);
  if (file.number < 0) throw system_error(errno, path, "open", Error::Kind::input);
  struct stat status;
  if (::fstat(file.number, &status) != 0) {
    throw system_error(errno, path, "read", Error::Kind::input);
  }
  if (S_ISDIR(status.st_mode)) {
    throw input_error("{}: expected a file, found a folder", escaped(path.native()));
  }
  if (!S_ISREG(status.st_mode)) {
    throw input_error("{}: not a regular file (a pipe, socket or device)", escaped(path.native()));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

// The mappings that live, so that nobody else's memory is ever forgotten. Ends by beginnings.
struct Mappings {
  std::mutex mutex;
  std::map<const std::byte*, const std::byte*> ends;
};

Mappings& mappings() {
  static Mappings& instance = *new Mappings;  // files with static lifetime may outlive any order
  return instance;
}

}  // namespace

void forget_file_pages(const std::byte* data, std::size_t size) {
  Mappings& known = mappings();
  const std::lock_guard lock(known.mutex);
  const auto after = known.ends.upper_bound(data);
  if (after == known.ends.begin() || data + size > std::prev(after)->second) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + size) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::shared_ptr<const MappedFile> MappedFile::open(const Path& path) {
  Descriptor descriptor;
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->size_ = open_regular(path, descriptor);
  if (file->size_ == 0) return file;  // mmap refuses a length of zero
  void* data = ::mmap(nullptr, file->size_, PROT_READ, MAP_SHARED, descriptor.number, 0);
  if (data == MAP_FAILED) {
    throw system_error(
        errno, path,
        fmt::format("map {} bytes", with_commas(static_cast<std::int64_t>(file->size_))),
        Error::Kind::resources);
  }
  file->data_ = static_cast<const std::byte*>(data);
  const std::lock_guard lock(mappings().mutex);
  mappings().ends.emplace(file->data_, file->data_ + file->size_);
  return file;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  const std::lock_guard lock(mappings().mutex);
  mappings().ends.erase(data_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_file(const Path& path, std::uint64_t limit) {
  Descriptor descriptor;
  const std::uint64_t size = open_regular(path, descriptor);
  const auto too_long = [&](std::uint64_t found) {
    return input_error("{}: has {} bytes, the limit here is {}", escaped(path.native()),
                       with_commas(static_cast<std::int64_t>(found)),
                       with_commas(static_cast<std::int64_t>(limit)));
  };
  if (size > limit) throw too_long(size);
  // One byte more than announced: files of /proc announce 0, and a file may grow while it is read.
  std::string content(size + 1, '\0');
  std::size_t used = 0;
  while (true) {
    const ssize_t count = ::read(descriptor.number, content.data() + used, content.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(errno, path, "read", Error::Kind::input);
    used += static_cast<std::size_t>(count);
    if (used > limit) throw too_long(used);
    if (count == 0) break;
    if (used == content.size()) content.resize(2 * used + 4096);
  }
  content.resize(used);
  return content;
}

void sync_folder(const Path& folder) {
  const Path name = folder.empty() ? Path(".") : folder;
  Descriptor descriptor{::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (descriptor.number < 0) throw system_error(errno, name, "open", Error::Kind::resources);
  // EINVAL: the file system has no notion of syncing a folder; nothing more can be asked of it.
  if (::fsync(descriptor.number) != 0 && errno != EINVAL) {
    throw system_error(errno, name, "sync", Error::Kind::resources);
  }
}

}  // namespace bantam
