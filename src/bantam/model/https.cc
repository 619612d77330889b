#include "bantam/model/https.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr long kMaxRedirects = 5;
constexpr long kStallSeconds = 30;
constexpr std::size_t kMaxEtagBytes = 256;

template <class... Args>
Error network_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(Error::Kind::network, fmt::format(text, std::forward<Args>(args)...));
}

std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string::npos) return "";
  std::string host = url.substr(begin + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != std::string::npos) host = host.substr(at + 1);
  if (host.starts_with("[")) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

// Behind a proxy the address of the connection is the proxy's and says nothing of the target.
bool uses_proxy() {
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

struct HandleCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

// One transfer: the settings that every request shares, and what its callbacks report.
class Transfer {
 public:
  using Receive = std::function<void(std::string_view)>;

  Transfer(const HttpsRequest& request, Receive receive)
      : host_(host_of(request.url)), receive_(std::move(receive)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    local_ = is_loopback_host(host_);
    if (!request.url.starts_with("https://") && !(local_ && request.url.starts_with("http://"))) {
      throw network_error("{}: only https:// is fetched", escaped(request.url));
    }
    handle_.reset(curl_easy_init());
    if (!handle_) throw resource_error("no memory for a connection to {}", escaped(host_));
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, local_ ? "http,https" : "https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, local_ ? "http,https" : "https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMaxRedirects);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_seconds * 1000));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kStallSeconds);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "bantam");
    set(CURLOPT_ERRORBUFFER, message_.data());
    if (!request.bearer_token.empty()) {
      // libcurl itself keeps these credentials from hosts that a redirect leads to.
      set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
      set(CURLOPT_XOAUTH2_BEARER, request.bearer_token.c_str());
    }
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    if (!local_ && !uses_proxy()) {
      set(CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
      set(CURLOPT_PREREQDATA, this);
    }
  }
  ~Transfer() { curl_slist_free_all(headers_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void add_header(const std::string& line) {
    headers_ = curl_slist_append(headers_, line.c_str());
    set(CURLOPT_HTTPHEADER, headers_);
  }

  /// Runs to the end; throws what a receiver threw, or Error(network).
  void run() {
    const CURLcode code = curl_easy_perform(handle_.get());
    if (failure_) std::rethrow_exception(failure_);
    if (!blocked_.empty()) {
      throw network_error("{}: leads to {}, an address of a private network; not followed",
                          escaped(host_), escaped(blocked_));
    }
    if (code != CURLE_OK) {
      const std::string cause =
          message_[0] != '\0' ? std::string(message_.data()) : curl_easy_strerror(code);
      throw network_error("{}: {}", escaped(host_), escaped(cause));
    }
    refuse_status();
  }

  long status() const {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  const std::string& etag() const { return etag_; }
  std::uint64_t content_length() const { return content_length_; }
  const std::string& content_type() const { return content_type_; }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (code != CURLE_OK)
      throw internal_error("libcurl refuses option {}: {}", static_cast<int>(option),
                           curl_easy_strerror(code));
  }

  void refuse_status() const {
    const long code = status();
    if (code >= 200 && code < 300) return;
    const char* advice = "";
    if (code == 401 || code == 403)
      advice = "; the model may be gated: accept its terms on its page and set HF_TOKEN";
    if (code == 404) advice = "; no such model, revision or file";
    throw network_error("{}: answered with status {}{}", escaped(host_), code, advice);
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const long status = transfer.status();
    if (status < 200 || status >= 300) return size * count;  // an error page: not wanted
    try {
      transfer.receive_({data, size * count});
      return size * count;
    } catch (...) {  // may not cross C code; run() throws it again
      transfer.failure_ = std::current_exception();
      return CURL_WRITEFUNC_ERROR;
    }
  }

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) {  // a new answer, after a redirect perhaps
      transfer.etag_.clear();
      transfer.content_type_.clear();
      transfer.content_length_ = 0;
    }
    if (const auto value = transfer.header_value(line, "etag")) transfer.etag_ = *value;
    if (const auto value = transfer.header_value(line, "content-type"))
      transfer.content_type_ = *value;
    if (const auto value = transfer.header_value(line, "content-length")) {
      std::from_chars(value->data(), value->data() + value->size(), transfer.content_length_);
    }
    return size * count;
  }

  static std::optional<std::string> header_value(std::string_view line, std::string_view name) {
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        ::strncasecmp(line.data(), name.data(), name.size()) != 0) {
      return std::nullopt;
    }
    line.remove_prefix(name.size() + 1);
    const std::size_t begin = line.find_first_not_of(" \t");
    const std::size_t end = line.find_last_not_of(" \t\r\n");
    if (begin == std::string_view::npos || begin > end) return std::nullopt;
    return std::string(line.substr(begin, end - begin + 1));
  }

  // Asked once a connection stands and before anything is sent: the address is the one dialled, so
  // a name that resolves differently the second time gains nothing.
  static int on_connected(void* self, char* remote, char* /*local*/, int /*remote_port*/,
                          int /*local_port*/) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (remote == nullptr || !is_private_address(remote)) return CURL_PREREQFUNC_OK;
    // The host that the user named may be on their own network; where it sends us may not.
    long redirects = 0;
    curl_easy_getinfo(transfer.handle_.get(), CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0) return CURL_PREREQFUNC_OK;
    transfer.blocked_ = remote;
    return CURL_PREREQFUNC_ABORT;
  }

  std::string host_;
  bool local_ = false;
  Receive receive_;
  std::unique_ptr<CURL, HandleCloser> handle_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> message_{};
  std::exception_ptr failure_;
  std::string blocked_, etag_, content_type_;
  std::uint64_t content_length_ = 0;
};

// A file that grows; what was written stays when something goes wrong.
class PartialFile {
 public:
  explicit PartialFile(const Path& path) : path_(path) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
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
                         size_, std::generic_category().message(code));
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

}  // namespace

std::string fetch_text(const HttpsRequest& request, std::uint64_t limit) {
  std::string body;
  Transfer transfer(request, [&](std::string_view bytes) {
    if (body.size() + bytes.size() > limit) {
      throw network_error("{}: the answer is longer than {} bytes", escaped(request.url), limit);
    }
    body.append(bytes);
  });
  transfer.run();
  return body;
}

void fetch_file(const HttpsRequest& request, const Path& partial, const FileFetch& options) {
  PartialFile file(partial);
  const std::string etag = file.size() > 0 ? known_etag(partial) : "";
  if (etag.empty()) file.clear();
  const std::uint64_t resumed_at = file.size();
  bool begun = false;
  Transfer* running = nullptr;
  Transfer transfer(request, [&](std::string_view bytes) {
    if (!begun) {
      begun = true;
      // 200 instead of 206: the content changed or cannot be continued, so it comes whole.
      if (running->status() != 206) file.clear();
      if (running->content_type().starts_with("text/html")) {
        throw network_error("{}: answered with an HTML page instead of a file",
                            escaped(request.url));
      }
      const std::string& fresh = running->etag();
      std::error_code ignored;
      if (fresh.empty() || fresh.size() > kMaxEtagBytes || fresh.starts_with("W/")) {
        std::filesystem::remove(etag_file(partial), ignored);
      } else {
        write_file_atomically(etag_file(partial), fresh);
      }
    }
    if (file.size() + bytes.size() > options.limit) {
      throw network_error("{}: sends more than {} bytes", escaped(request.url), options.limit);
    }
    file.append(bytes);
    const std::uint64_t start = running->status() == 206 ? resumed_at : 0;
    if (options.progress) {
      const std::uint64_t length = running->content_length();
      options.progress(file.size(), length == 0 ? 0 : start + length);
    }
  });
  running = &transfer;
  if (resumed_at > 0) {
    transfer.add_header(fmt::format("Range: bytes={}-", resumed_at));
    transfer.add_header("If-Range: " + etag);
  }
  std::error_code ignored;
  try {
    transfer.run();
  } catch (...) {
    if (file.size() == 0) std::filesystem::remove(partial, ignored);  // nothing to go on from
    throw;
  }
  file.sync();
  std::filesystem::remove(etag_file(partial), ignored);
}

bool is_private_address(const std::string& text) {
  std::array<unsigned char, 16> v6{};
  std::array<unsigned char, 4> v4{};
  if (::inet_pton(AF_INET, text.c_str(), v4.data()) != 1) {
    if (::inet_pton(AF_INET6, text.c_str(), v6.data()) != 1) return true;  // unknown: not trusted
    const std::array<unsigned char, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const std::array<unsigned char, 15> zeros{};
    if (std::memcmp(v6.data(), mapped.data(), mapped.size()) == 0) {
      std::memcpy(v4.data(), v6.data() + 12, 4);
    } else {
      return std::memcmp(v6.data(), zeros.data(), zeros.size()) == 0 ||  // :: and ::1
             (v6[0] & 0xfe) == 0xfc ||                                   // fc00::/7
             (v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80);                  // fe80::/10
    }
  }
  return v4[0] == 0 || v4[0] == 10 || v4[0] == 127 || v4[0] >= 224 ||
         (v4[0] == 100 && (v4[1] & 0xc0) == 64) || (v4[0] == 169 && v4[1] == 254) ||
         (v4[0] == 172 && (v4[1] & 0xf0) == 16) || (v4[0] == 192 && v4[1] == 168);
}

}  // namespace bantam
