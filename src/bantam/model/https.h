// Fetching by HTTPS: certificates verified, redirects only to HTTPS and never into a private
// network, sizes limited, broken downloads continued.
//
// Plain HTTP is allowed to one's own machine alone, for a mirror or a test server there. Such a
// server may redirect within this machine and to HTTPS elsewhere, and nowhere else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bantam/base/error.h"
#include "bantam/base/files.h"

namespace bantam {

/// A failed transfer, with what decides whether to try again. Kind::network.
class TransferError : public Error {
 public:
  struct Cause {
    bool connected = false;  ///< a connection stood
    bool may_pass = false;   ///< cut, silent, or a status that asks to come again (429, 503, …)
    long status = 0;         ///< of the answer, 0 if there was none
    std::string hub_code = {};               ///< X-Error-Code of the hub, such as "GatedRepo"
    std::optional<double> retry_after = {};  ///< seconds that the server asks to wait
  };
  TransferError(std::string message, Cause cause)
      : Error(Kind::network, std::move(message)), cause_(std::move(cause)) {}
  const Cause& cause() const { return cause_; }

 private:
  Cause cause_;
};

struct HttpsRequest {
  std::string url;
  std::string bearer_token = {};  ///< sent to the host of `url` alone; "" for none
  double connect_seconds = 5;
  double silence_seconds = 30;      ///< give up when no byte has come for so long
  std::string silence_advice = {};  ///< said then: "; HF_HUB_DOWNLOAD_TIMEOUT sets this"
};

/// The body of a GET. Throws TransferError naming host and cause: no connection, a status that is
/// not 2xx, a bad certificate, a forbidden redirect, or a body longer than `limit`; and Interrupted
/// when the user asks to stop.
std::string fetch_text(const HttpsRequest& request, std::uint64_t limit);

struct FileFetch {
  std::uint64_t limit = 0;  ///< refuse more bytes than this
  std::uint64_t bytes = 0;  ///< the length if it is known: any other is refused before it comes
  /// Told how many bytes are there and how many there will be (0 if unknown). May throw to stop.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
};

/// GET into `partial`, continuing what is there: with If-Range where the ETag of those bytes is
/// known, and from the start when the server has other content now or cannot continue. The bytes
/// are synced but neither renamed nor trusted: the caller checks their hash. Throws as
/// fetch_text(), and Error(resources) when the disk is full; what came stays in `partial` for the
/// next try, unless it cannot be a part of the file.
void fetch_file(const HttpsRequest& request, const Path& partial, const FileFetch& options);

/// Removes a partial file that is of no use, with the ETag noted beside it.
void remove_partial(const Path& partial);

/// True for addresses that belong to this machine or a private network: loopback, link-local,
/// private and shared ranges, IPv4 inside IPv6 too. `text` is numeric.
bool is_private_address(const std::string& text);

/// True for this machine's own addresses, 127.0.0.0/8 and ::1. `text` is numeric.
bool is_loopback_address(const std::string& text);

/// The URL without user, password and query, any of which may be a secret.
std::string url_for_people(const std::string& url);

}  // namespace bantam
