// One GET by libcurl: the settings that every request shares, and what its callbacks report.
#pragma once

#include <curl/curl.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bantam/model/https.h"

namespace bantam {

/// "bytes 100-199/500" of a partial answer.
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t total = 0;  ///< 0 if the server does not say
};

class HttpsTransfer {
 public:
  using Receive = std::function<void(std::string_view)>;

  /// `receive` gets the body of an answer of status 2xx, piece by piece; it may throw to stop.
  HttpsTransfer(const HttpsRequest& request, Receive receive);
  ~HttpsTransfer();
  HttpsTransfer(const HttpsTransfer&) = delete;
  HttpsTransfer& operator=(const HttpsTransfer&) = delete;

  void add_header(const std::string& line);
  /// Runs to the end; throws what `receive` threw, Interrupted, or TransferError.
  void run();

  // Of the last answer, once its body begins.
  long status() const;
  const std::string& etag() const { return etag_; }
  const std::string& content_type() const { return content_type_; }
  std::optional<std::uint64_t> content_length() const { return content_length_; }
  const std::optional<ContentRange>& content_range() const { return content_range_; }

 private:
  struct HandleCloser {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  using Clock = std::chrono::steady_clock;

  template <class T>
  void set(CURLoption option, T value);
  void set_limits();
  void set_token();
  void set_callbacks();
  void read_header(std::string_view line);
  bool may_dial(const std::string& address);
  void throw_failure(CURLcode code) const;
  void refuse_status() const;

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static int on_time(void* self, curl_off_t, curl_off_t done, curl_off_t, curl_off_t);
  static curl_socket_t on_dial(void* self, curlsocktype, curl_sockaddr* address);

  HttpsRequest request_;
  std::string host_;
  bool local_ = false;  ///< the request goes to this machine
  Receive receive_;
  std::unique_ptr<CURL, HandleCloser> handle_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> message_{};

  Clock::time_point heard_ = Clock::now();  ///< when the last byte came
  bool silent_ = false;
  std::exception_ptr failure_;
  std::string blocked_;  ///< the address that may not be dialled
  std::string etag_, content_type_, hub_code_;
  std::optional<std::uint64_t> content_length_;
  std::optional<ContentRange> content_range_;
};

}  // namespace bantam
