// A small HTTP server on this machine, one answer at a time, for tests of fetching.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bantam {

class LocalServer {
 public:
  /// Gets the whole request head, gives the whole answer; the connection is closed afterwards.
  using Answer = std::function<std::string(const std::string& request)>;
  /// Gets the request head and what sends bytes back, for answers with pauses in them.
  using Send = std::function<void(const std::string& bytes)>;
  using Script = std::function<void(const std::string& request, const Send& send)>;

  explicit LocalServer(Answer answer)
      : LocalServer(
            Script([answer = std::move(answer)](const std::string& request, const Send& send) {
              send(answer(request));
            })) {}
  explicit LocalServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 16);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~LocalServer() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Another name of this machine, which is another host to a client.
  std::string other_url() const { return "http://localhost:" + std::to_string(port_); }
  /// The heads of all requests so far.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stop_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      std::string head;
      char chunk[4096];
      while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(client, chunk, sizeof(chunk), 0);
        if (got <= 0) break;
        head.append(chunk, static_cast<std::size_t>(got));
      }
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(head);
      }
      script_(head, [client](const std::string& bytes) {
        ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      });
      ::shutdown(client, SHUT_WR);
      while (::recv(client, chunk, sizeof(chunk), 0) > 0) {
      }
      ::close(client);
    }
  }

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

/// "HTTP/1.1 200 OK" with Content-Length, the given headers and the body.
inline std::string http_answer(const std::string& body, const std::string& headers = "",
                               const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "Connection: close\r\n\r\n" + body;
}

/// Where the bytes that `request` asks for begin ("Range: bytes=100-"); nothing if it wants all.
inline std::optional<std::size_t> range_start(const std::string& request) {
  constexpr std::string_view kRange = "Range: bytes=";
  const std::size_t at = request.find(kRange);
  if (at == std::string::npos) return std::nullopt;
  std::size_t start = 0;
  std::from_chars(request.data() + at + kRange.size(), request.data() + request.size(), start);
  return start;
}

}  // namespace bantam
