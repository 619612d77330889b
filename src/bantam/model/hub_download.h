// One file from the hub, whole and checked, however often the line breaks.
#pragma once

#include <functional>
#include <string>

#include "bantam/base/progress.h"
#include "bantam/model/https.h"
#include "bantam/model/hub_hash.h"
#include "bantam/model/hub_settings.h"

namespace bantam {

/// How often a transfer that broke is tried again.
struct RetryPolicy {
  int tries = 5;          ///< in a row without a new mebibyte
  double first_wait = 1;  ///< seconds, doubled after each try; a server's Retry-After counts more
  double longest_wait = 60;  ///< a server that asks for more is left
};

/// Counts the failures of one transfer.
class Retries {
 public:
  Retries(const RetryPolicy& policy, ProgressSink& progress)
      : policy_(policy), progress_(progress) {}
  /// Called when a try failed with `bytes` there in all: waits and returns for the next one, or
  /// throws `problem` when no further try is worth it. Throws Interrupted when the user stops it.
  void after(const TransferError& problem, std::uint64_t bytes = 0);

 private:
  RetryPolicy policy_;
  ProgressSink& progress_;
  int failures_ = 0;
  std::uint64_t bytes_ = 0;
};

/// The request for one file of a model. `hub.revision` may be a commit.
HttpsRequest file_request(const HubSettings& settings, const HubName& hub, const std::string& file);

struct HubDownload {
  HttpsRequest request;
  HubFile file;       ///< length and hash are checked as far as they are stated
  Path partial;       ///< where the bytes gather; its own name must say which content it is of
  std::string shown;  ///< for messages: "owner/name:file"
};

/// Fetches into `download.partial` and checks length, kind and hash. Wrong content is removed; if
/// the beginning came from an earlier download, the file is fetched once more from the start.
/// Throws TransferError, Error(input) with both hashes, or Error(resources).
CheckedFile fetch_checked(const HubDownload& download, const RetryPolicy& policy,
                          ProgressSink& progress,
                          const std::function<void(std::uint64_t)>& advance);

}  // namespace bantam
