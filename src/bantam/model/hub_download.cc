#include "bantam/model/hub_download.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#include "bantam/base/error.h"
#include "bantam/model/weights.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kWorthCounting = std::uint64_t{1} << 20;

std::uint64_t size_of(const Path& file) {
  std::error_code failed;
  const std::uint64_t bytes = fs::file_size(file, failed);
  return failed ? 0 : bytes;
}

void wait(double seconds) {
  const auto end = std::chrono::steady_clock::now() + Seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    if (const int signal = Interrupt::requested(); signal != 0)
      throw Interrupted(signal, "what was fetched is kept, and the next pull goes on from there");
    std::this_thread::sleep_for(
        std::min<Seconds>(Seconds(0.1), end - std::chrono::steady_clock::now()));
  }
}

// A web page or a pointer under the name of a model is the usual sign of a broken mirror; it says
// more than a wrong hash does.
void refuse_other_content(const HubDownload& download) {
  const std::string suffix = Path(download.file.name).extension().string();
  if (suffix != ".gguf" && suffix != ".safetensors") return;
  const std::string kind = content_kind(MappedFile::open(download.partial)->bytes());
  if (kind == (suffix == ".gguf" ? "a GGUF file" : "a safetensors file")) return;
  throw input_error("{}: expected a {} file, the server sent {}; it was removed",
                    escaped(download.shown), suffix.substr(1),
                    kind.empty() ? "something else" : kind);
}

void fetch_rest(const HubDownload& download, const RetryPolicy& policy, ProgressSink& progress,
                const std::function<void(std::uint64_t)>& advance) {
  const std::uint64_t bytes = download.file.bytes;
  Retries retries(policy, progress);
  // With all its bytes there, only the hash can say more.
  while (bytes == 0 || size_of(download.partial) != bytes) {
    try {
      fetch_file(download.request, download.partial,
                 {.limit = bytes == 0 ? kMaxFileBytes : bytes,
                  .bytes = bytes,
                  .progress = [&](std::uint64_t done, std::uint64_t) { advance(done); }});
      break;
    } catch (const TransferError& problem) {
      retries.after(problem, size_of(download.partial));
    }
  }
}

CheckedFile check(const HubDownload& download) {
  refuse_other_content(download);
  CheckedFile checked = check_hash(download.partial, download.file);
  if (checked.problem.empty()) return checked;
  throw input_error("{}: {}; what came was removed", escaped(download.shown), checked.problem);
}

}  // namespace

HttpsRequest file_request(const HubSettings& settings, const HubName& hub,
                          const std::string& file) {
  return {.url = fmt::format("{}/{}/resolve/{}/{}", settings.endpoint, hub.repository(),
                             hub.revision, file),
          .bearer_token = settings.token,
          .silence_seconds = settings.download_seconds,
          .silence_advice = "; HF_HUB_DOWNLOAD_TIMEOUT can allow more"};
}

void Retries::after(const TransferError& problem, std::uint64_t bytes) {
  const auto& cause = problem.cause();
  // As long as a file grows, a bad line is only slow.
  if (bytes >= bytes_ + kWorthCounting) failures_ = 0;
  bytes_ = std::max(bytes_, bytes);
  // A machine without network should hear so at once, unless it had one a moment ago.
  if (!cause.may_pass || (!cause.connected && bytes_ == 0) || ++failures_ >= policy_.tries)
    throw problem;
  double seconds = policy_.first_wait * static_cast<double>(1 << (failures_ - 1));
  if (cause.retry_after) seconds = *cause.retry_after;
  if (seconds > policy_.longest_wait) {
    throw TransferError(
        fmt::format("{}; it asks to wait {:.0f} s: pull again then", problem.what(), seconds),
        cause);
  }
  progress_.note(fmt::format("{}; trying again{} ({} of {})", problem.what(),
                             seconds < 1 ? "" : fmt::format(" in {:.0f} s", seconds), failures_ + 1,
                             policy_.tries));
  wait(seconds);
}

CheckedFile fetch_checked(const HubDownload& download, const RetryPolicy& policy,
                          ProgressSink& progress,
                          const std::function<void(std::uint64_t)>& advance) {
  const std::uint64_t found = size_of(download.partial);
  if (found > 0) advance(found);
  fetch_rest(download, policy, progress, advance);
  try {
    return check(download);
  } catch (const Error& problem) {
    remove_partial(download.partial);
    if (found == 0) throw;
    progress.note(
        fmt::format("{}; it began with what an earlier download left, so it is fetched "
                    "again from the start",
                    problem.what()));
  }
  fetch_rest(download, policy, progress, advance);
  try {
    return check(download);
  } catch (const Error&) {
    remove_partial(download.partial);
    throw;
  }
}

}  // namespace bantam
