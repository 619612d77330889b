// A file that comes in pieces: what an earlier try left is continued if it still fits.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "bantam/model/https_transfer.h"

namespace bantam {
namespace {

constexpr std::size_t kMaxEtagBytes = 256;
constexpr long kPartialContent = 206;
constexpr long kRangeRefused = 416;

// A file that grows; what was written stays when something goes wrong.
class PartialFile {
 public:
  explicit PartialFile(const Path& path) : path_(path) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor_ < 0 && errno == ELOOP) {
      throw refused_error("{}: is a link, and nothing is fetched through a link; remove it",
                          escaped(path.string()));
    }
    if (descriptor_ < 0) fail("open", errno);
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail("read the size of", errno);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~PartialFile() { ::close(descriptor_); }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size() const { return size_; }
  void clear() {
    if (::ftruncate(descriptor_, 0) != 0) fail("cut", errno);
    size_ = 0;
  }
  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write", errno);
      size_ += static_cast<std::uint64_t>(written);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void sync() {
    if (::fsync(descriptor_) != 0) fail("sync", errno);
  }

 private:
  [[noreturn]] void fail(const char* action, int code) const {
    throw resource_error("{}: cannot {} it after {} bytes: {}", escaped(path_.string()), action,
                         with_commas(static_cast<std::int64_t>(size_)),
                         std::generic_category().message(code));
  }
  Path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

Path etag_file(const Path& partial) { return partial.string() + ".etag"; }

std::string known_etag(const Path& partial) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(etag_file(partial), ignored)) return "";
  return read_file(etag_file(partial), kMaxEtagBytes);
}

// The server cannot continue from where the partial file ends, or with other content only.
struct CannotContinue {};

// One try to fetch a file into what is there of it.
class FileTransfer {
 public:
  FileTransfer(const HttpsRequest& request, const Path& partial, PartialFile& file,
               const FileFetch& options)
      : url_(escaped(url_for_people(request.url))),
        partial_(partial),
        file_(file),
        options_(options),
        start_(file.size()),
        etag_(start_ > 0 ? known_etag(partial) : ""),
        transfer_(request, [this](std::string_view bytes) { receive(bytes); }) {
    if (start_ == 0) return;
    transfer_.add_header(fmt::format("Range: bytes={}-", start_));
    if (!etag_.empty()) transfer_.add_header("If-Range: " + etag_);
  }

  void run() {
    try {
      transfer_.run();
    } catch (const TransferError& problem) {
      if (start_ > 0 && problem.cause().status == kRangeRefused) throw CannotContinue();
      throw;
    }
  }

 private:
  void receive(std::string_view bytes) {
    if (!begun_) begin();
    begun_ = true;
    if (file_.size() + bytes.size() > options_.limit) {
      refuse(fmt::format("sends more than {} bytes", with_commas(whole(options_.limit))));
    }
    file_.append(bytes);
    if (options_.progress) options_.progress(file_.size(), total());
  }

  void begin() {
    if (transfer_.content_type().starts_with("text/html"))
      refuse("answered with an HTML page instead of a file");
    if (transfer_.status() == kPartialContent && start_ > 0) {
      require_continuation();
    } else {
      file_.clear();  // 200: the content changed or cannot be continued, so it comes whole
      start_ = 0;
    }
    if (options_.bytes != 0 && total() != 0 && total() != options_.bytes) {
      refuse(fmt::format("expected {} bytes, the server sends {}",
                         with_commas(whole(options_.bytes)), with_commas(whole(total()))));
    }
    remember_etag();
  }

  // A server may ignore If-Range; two contents must not be glued together.
  void require_continuation() const {
    const auto& range = transfer_.content_range();
    const bool fits = range && range->first == start_ &&
                      (options_.bytes == 0 || range->total == 0 || range->total == options_.bytes);
    const bool same = etag_.empty() || transfer_.etag().empty() || transfer_.etag() == etag_;
    if (!fits || !same) throw CannotContinue();
  }

  void remember_etag() const {
    const std::string& fresh = transfer_.etag();
    std::error_code ignored;
    if (fresh.empty() || fresh.size() > kMaxEtagBytes || fresh.starts_with("W/")) {
      std::filesystem::remove(etag_file(partial_), ignored);
    } else {
      write_file_atomically(etag_file(partial_), fresh);
    }
  }

  // Content that cannot be the file's: nothing of it is kept.
  [[noreturn]] void refuse(const std::string& problem) const {
    file_.clear();
    throw TransferError(fmt::format("{}: {}", url_, problem), {.connected = true});
  }

  std::uint64_t total() const {
    const auto length = transfer_.content_length();
    return length ? start_ + *length : 0;
  }
  static std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }

  std::string url_;
  const Path& partial_;
  PartialFile& file_;
  const FileFetch& options_;
  std::uint64_t start_;
  std::string etag_;
  HttpsTransfer transfer_;
  bool begun_ = false;
};

}  // namespace

void remove_partial(const Path& partial) {
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  std::filesystem::remove(etag_file(partial), ignored);
}

void fetch_file(const HttpsRequest& request, const Path& partial, const FileFetch& options) {
  PartialFile file(partial);
  try {
    try {
      FileTransfer(request, partial, file, options).run();
    } catch (const CannotContinue&) {
      file.clear();
      FileTransfer(request, partial, file, options).run();
    }
  } catch (...) {
    if (file.size() == 0) remove_partial(partial);  // nothing to go on from
    throw;
  }
  file.sync();
  std::error_code ignored;
  std::filesystem::remove(etag_file(partial), ignored);
}

}  // namespace bantam
