#include "bantam/model/https_transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <mutex>

#include "bantam/base/progress.h"

namespace bantam {
namespace {

constexpr long kMaxRedirects = 5;

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

// Behind a proxy the address that is dialled is the proxy's and says nothing of the target.
bool uses_proxy() {
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.sa_family == AF_INET6)
    bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr ||
      ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr) {
    return "an address of unknown kind";
  }
  return text.data();
}

std::optional<std::string_view> header_value(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      ::strncasecmp(line.data(), name.data(), name.size()) != 0) {
    return std::nullopt;
  }
  line.remove_prefix(name.size() + 1);
  const std::size_t begin = line.find_first_not_of(" \t");
  const std::size_t end = line.find_last_not_of(" \t\r\n");
  if (begin == std::string_view::npos || begin > end) return std::nullopt;
  return line.substr(begin, end - begin + 1);
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

// "bytes 100-199/500"
std::optional<ContentRange> range_in(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto first = number_in(text);
  const std::size_t slash = text.find('/');
  if (!first || slash == std::string_view::npos) return std::nullopt;
  return ContentRange{*first, number_in(text.substr(slash + 1)).value_or(0)};
}

bool asks_to_come_again(long status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

// Failures of the way, not of the request: the same request may get through a moment later.
bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return true;
    default:
      return false;
  }
}

// libcurl's words for the failures that everybody meets are for those who know it.
const char* plain_words(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "its address cannot be found";
    case CURLE_COULDNT_CONNECT:
      return "cannot be connected to";
    case CURLE_OPERATION_TIMEDOUT:
      return "did not answer in time";
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
      return "the connection was cut";
    case CURLE_TOO_MANY_REDIRECTS:
      return "redirects again and again";
    case CURLE_UNSUPPORTED_PROTOCOL:
      return "redirects to something that is not HTTPS, which is not followed";
    default:
      return nullptr;
  }
}

}  // namespace

HttpsTransfer::HttpsTransfer(const HttpsRequest& request, Receive receive)
    : request_(request), host_(host_of(request.url)), receive_(std::move(receive)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  local_ = is_loopback_host(host_);
  if (!request.url.starts_with("https://") && !(local_ && request.url.starts_with("http://"))) {
    throw TransferError(fmt::format("{}: only https:// is fetched (http:// from this machine's own "
                                    "servers alone)",
                                    escaped(url_for_people(request.url))),
                        {});
  }
  handle_.reset(curl_easy_init());
  if (!handle_) throw resource_error("no memory for a connection to {}", escaped(host_));
  set(CURLOPT_URL, request.url.c_str());
  set_limits();
  set_token();
  set_callbacks();
  // The length and the hash are those of the file, not of a compressed form of it.
  add_header("Accept-Encoding: identity");
}

HttpsTransfer::~HttpsTransfer() { curl_slist_free_all(headers_); }

template <class T>
void HttpsTransfer::set(CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
  if (code != CURLE_OK)
    throw internal_error("libcurl refuses option {}: {}", static_cast<int>(option),
                         curl_easy_strerror(code));
}

void HttpsTransfer::set_limits() {
  set(CURLOPT_PROTOCOLS_STR, local_ ? "http,https" : "https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, local_ ? "http,https" : "https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, kMaxRedirects);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_seconds * 1000));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "bantam");
  set(CURLOPT_ERRORBUFFER, message_.data());
}

void HttpsTransfer::set_token() {
  if (request_.bearer_token.empty()) return;
  // libcurl itself keeps these credentials from hosts and ports that a redirect leads to.
  set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
  set(CURLOPT_XOAUTH2_BEARER, request_.bearer_token.c_str());
}

void HttpsTransfer::set_callbacks() {
  set(CURLOPT_WRITEFUNCTION, &HttpsTransfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &HttpsTransfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &HttpsTransfer::on_time);
  set(CURLOPT_XFERINFODATA, this);
  if (local_ || !uses_proxy()) {
    set(CURLOPT_OPENSOCKETFUNCTION, &HttpsTransfer::on_dial);
    set(CURLOPT_OPENSOCKETDATA, this);
  }
}

void HttpsTransfer::add_header(const std::string& line) {
  headers_ = curl_slist_append(headers_, line.c_str());
  set(CURLOPT_HTTPHEADER, headers_);
}

void HttpsTransfer::run() {
  heard_ = Clock::now();
  const CURLcode code = curl_easy_perform(handle_.get());
  if (failure_) std::rethrow_exception(failure_);
  if (code != CURLE_OK) throw_failure(code);
  refuse_status();
}

long HttpsTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

void HttpsTransfer::throw_failure(CURLcode code) const {
  if (!blocked_.empty()) {
    throw TransferError(fmt::format("{}: redirects to {}, which is not followed: {}",
                                    escaped(host_), escaped(blocked_),
                                    is_private_address(blocked_)
                                        ? "an address of this machine or of a private network"
                                        : "not HTTPS"),
                        {.connected = true});
  }
  if (silent_) {
    throw TransferError(fmt::format("{}: sent nothing for {:g} s{}", escaped(host_),
                                    request_.silence_seconds, request_.silence_advice),
                        {.connected = true, .may_pass = true});
  }
  double connected = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME, &connected);
  const char* said = message_[0] != '\0' ? message_.data() : curl_easy_strerror(code);
  const char* words = plain_words(code);
  throw TransferError(fmt::format("{}: {}", escaped(host_), words ? words : escaped(said)),
                      {.connected = connected > 0, .may_pass = may_pass(code)});
}

void HttpsTransfer::refuse_status() const {
  const long code = status();
  if (code >= 200 && code < 300) return;
  TransferError::Cause cause{.connected = true,
                             .may_pass = asks_to_come_again(code),
                             .status = code,
                             .hub_code = hub_code_};
  curl_off_t wait = 0;
  if (curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
    cause.retry_after = static_cast<double>(wait);
  throw TransferError(fmt::format("{}: answered with status {}", escaped(host_), code),
                      std::move(cause));
}

std::size_t HttpsTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpsTransfer*>(self);
  transfer.heard_ = Clock::now();
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

std::size_t HttpsTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpsTransfer*>(self);
  transfer.heard_ = Clock::now();
  transfer.read_header({data, size * count});
  return size * count;
}

void HttpsTransfer::read_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // a new answer, after a redirect perhaps
    etag_.clear();
    content_type_.clear();
    hub_code_.clear();
    content_length_.reset();
    content_range_.reset();
  }
  if (const auto value = header_value(line, "etag")) etag_ = *value;
  if (const auto value = header_value(line, "content-type")) content_type_ = *value;
  if (const auto value = header_value(line, "x-error-code")) hub_code_ = *value;
  if (const auto value = header_value(line, "content-length")) content_length_ = number_in(*value);
  if (const auto value = header_value(line, "content-range")) content_range_ = range_in(*value);
}

// Asked about once a second and whenever something happens.
int HttpsTransfer::on_time(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<HttpsTransfer*>(self);
  if (const int signal = Interrupt::requested(); signal != 0) {
    transfer.failure_ = std::make_exception_ptr(
        Interrupted(signal, "what was fetched is kept, and the next pull goes on from there"));
    return 1;
  }
  const std::chrono::duration<double> silence = Clock::now() - transfer.heard_;
  transfer.silent_ = silence.count() > transfer.request_.silence_seconds;
  return transfer.silent_ ? 1 : 0;
}

// The address is the one that is dialled, so a name that resolves differently the second time gains
// nothing.
curl_socket_t HttpsTransfer::on_dial(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<HttpsTransfer*>(self);
  const std::string text = text_of(address->addr);
  if (!transfer.may_dial(text)) {
    transfer.blocked_ = text;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool HttpsTransfer::may_dial(const std::string& address) {
  // The host that the user named may be on their own network; where it sends us may not.
  long redirects = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_COUNT, &redirects);
  if (redirects == 0) return true;
  if (is_loopback_address(address)) return local_;
  if (is_private_address(address)) return false;
  // Only a server of this machine is asked by HTTP at all, and only to this machine it may lead.
  char* url = nullptr;
  curl_easy_getinfo(handle_.get(), CURLINFO_EFFECTIVE_URL, &url);
  return url != nullptr && std::string_view(url).starts_with("https://");
}

std::string url_for_people(const std::string& url) {
  std::string shown = url.substr(0, url.find_first_of("?#"));
  const std::size_t host = shown.find("://");
  if (host == std::string::npos) return shown;
  const std::size_t at = shown.substr(0, shown.find('/', host + 3)).rfind('@');
  if (at != std::string::npos) shown.erase(host + 3, at + 1 - (host + 3));
  return shown;
}

std::string fetch_text(const HttpsRequest& request, std::uint64_t limit) {
  std::string body;
  HttpsTransfer transfer(request, [&](std::string_view bytes) {
    if (body.size() + bytes.size() > limit) {
      throw TransferError(fmt::format("{}: the answer is longer than {} bytes",
                                      escaped(url_for_people(request.url)), limit),
                          {.connected = true});
    }
    body.append(bytes);
  });
  transfer.run();
  return body;
}

}  // namespace bantam
