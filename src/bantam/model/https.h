// Fetching by HTTPS: certificates verified, redirects only to HTTPS and never into a private
// network, sizes limited, broken downloads continued.
//
// Plain HTTP is allowed to one's own machine alone, for a mirror or a test server there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bantam/base/files.h"

namespace bantam {

struct HttpsRequest {
  std::string url;
  std::string bearer_token = {};  ///< sent to the host of `url` alone; "" for none
  double connect_seconds = 5;
};

/// The body of a GET. Throws Error(network) naming host and cause: no connection, a status that is
/// not 2xx, a bad certificate, a forbidden redirect, or a body longer than `limit`.
std::string fetch_text(const HttpsRequest& request, std::uint64_t limit);

struct FileFetch {
  std::uint64_t limit = 0;  ///< refuse more bytes than this
  /// Told how many bytes are there and how many there will be (0 if unknown). May throw to stop.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
};

/// GET into `partial`, continuing where an earlier try stopped if the server still has the same
/// content (ETag). The bytes are synced but not renamed: the caller checks the hash first. Throws
/// Error(network) as above, and Error(resources) when the disk is full; `partial` stays then, for
/// the next try.
void fetch_file(const HttpsRequest& request, const Path& partial, const FileFetch& options);

/// True for addresses that belong to this machine or a private network: loopback, link-local,
/// private and shared ranges, IPv4 inside IPv6 too. `text` is numeric.
bool is_private_address(const std::string& text);

}  // namespace bantam
