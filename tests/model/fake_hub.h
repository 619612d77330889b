// A hub on this machine with one model, owner/name, and the faults that a test wants of it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "bantam/base/json.h"
#include "bantam/model/hub.h"
#include "tests/model/local_server.h"
#include "tests/model/model_home.h"

namespace bantam {

/// A progress sink that keeps the notes.
class KeptNotes final : public ProgressSink {
 public:
  void begin(std::string_view, double total, std::string_view) override { totals.push_back(total); }
  void advance(double done, const std::vector<std::pair<std::string, double>>&) override {
    last_done = done;
    if (on_advance) on_advance();
  }
  void end() override {}
  void note(std::string_view text) override { notes += std::string(text) + "\n"; }

  std::string notes;
  std::vector<double> totals;
  double last_done = 0;
  std::function<void()> on_advance;
};

class FakeHub {
 public:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";
  static constexpr const char* kOther = "fedcba9876543210fedcba9876543210fedcba98";

  explicit FakeHub(ModelHome& home) { home.set("HF_ENDPOINT", server_.url()); }

  // What the hub has: large files (.gguf, .safetensors, .model, .spm) by SHA-256, others by git's.
  std::map<std::string, std::string> files;
  std::string commit = kCommit;
  std::string revision = "main";  ///< as it stands in the request's path
  /// Asked first; what it returns is sent instead.
  std::function<std::optional<std::string>(const std::string& request)> fault;
  /// Seconds of silence after half of every answer that is not a fault's.
  double stall_seconds = 0;

  LocalServer& server() { return server_; }
  std::string url_of(const std::string& file) const {
    return fmt::format("/owner/name/resolve/{}/{}", commit, file);
  }
  /// Requests for `file`, in their order.
  std::vector<std::string> requests_for(const std::string& file) const {
    std::vector<std::string> found;
    for (const std::string& request : server_.requests())
      if (request.starts_with("GET " + url_of(file) + " ")) found.push_back(request);
    return found;
  }

  static std::string blob_name(const std::string& name, const std::string& content) {
    return is_large(name) ? sha256(as_bytes(content)) : git_blob_sha1(as_bytes(content));
  }

  std::string listing() const {
    Json siblings = Json::array();
    for (const auto& [name, content] : files) {
      Json file = {{"rfilename", name}, {"size", content.size()}};
      if (is_large(name)) {
        file["blobId"] = std::string(40, 'e');  // of the pointer
        file["lfs"] = {{"sha256", blob_name(name, content)}, {"size", content.size()}};
      } else {
        file["blobId"] = blob_name(name, content);
      }
      siblings.push_back(file);
    }
    return dump_json({{"id", "owner/name"}, {"sha", commit}, {"siblings", siblings}});
  }

  /// The content of `file` as an answer to `request`, from where its Range begins.
  std::string answer_with(const std::string& file, const std::string& request) const {
    const std::string& content = files.at(file);
    const std::string etag = fmt::format("ETag: \"{}\"\r\n", blob_name(file, content));
    const auto start = range_start(request);
    if (!start) return http_answer(content, etag);
    const std::size_t begin = *start;
    if (begin >= content.size())
      return http_answer("", fmt::format("Content-Range: bytes */{}\r\n", content.size()),
                         "416 Range Not Satisfiable");
    return http_answer(content.substr(begin),
                       fmt::format("{}Content-Range: bytes {}-{}/{}\r\n", etag, begin,
                                   content.size() - 1, content.size()),
                       "206 Partial Content");
  }

 private:
  static bool is_large(const std::string& name) {
    for (const char* suffix : {".gguf", ".safetensors", ".model", ".spm", ".bin"})
      if (name.ends_with(suffix)) return true;
    return false;
  }

  void serve(const std::string& request, const LocalServer::Send& send) const {
    std::optional<std::string> text = fault ? fault(request) : std::nullopt;
    if (text) {
      send(*text);
      return;
    }
    text = answer(request);
    const std::size_t half = stall_seconds > 0 ? text->size() / 2 : text->size();
    send(text->substr(0, half));
    std::this_thread::sleep_for(std::chrono::duration<double>(stall_seconds));
    send(text->substr(half));
  }

  std::string answer(const std::string& request) const {
    if (request.starts_with(
            fmt::format("GET /api/models/owner/name/revision/{}?blobs=true ", revision)) ||
        request.starts_with(
            fmt::format("GET /api/models/owner/name/revision/{}?blobs=true ", commit))) {
      return http_answer(listing(), "Content-Type: application/json\r\n");
    }
    for (const auto& [name, content] : files)
      if (request.starts_with("GET " + url_of(name) + " ")) return answer_with(name, request);
    return http_answer("", "", "404 Not Found");
  }

  LocalServer server_{LocalServer::Script(
      [this](const std::string& request, const LocalServer::Send& send) { serve(request, send); })};
};

/// A home folder with a hub that has a GGUF model.
class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    hub_.files["m.gguf"] = content_;
    options_ = {.progress = &progress_, .retries = {.tries = 3, .first_wait = 0.01}};
  }
  PulledModel pull(std::string_view reference = "owner/name") {
    return pull_model(reference, options_);
  }
  std::string failure(Error::Kind kind, std::string_view reference = "owner/name") {
    return error_of([&] { pull(reference); }, kind);
  }
  Path repository() const { return home_.path() / "cache/models--owner--name"; }
  Path snapshot(const std::string& commit = FakeHub::kCommit) const {
    return repository() / "snapshots" / commit;
  }
  Path partial() const { return repository() / "blobs" / (hash() + ".incomplete"); }
  std::string hash() const { return sha256(as_bytes(content_)); }
  /// What lies in blobs/, without the .etag files.
  std::vector<std::string> blobs() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(repository() / "blobs"))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  const std::string content_ = "GGUF" + std::string(100'000, 'w') + "end";
  ModelHome home_;
  FakeHub hub_{home_};
  KeptNotes progress_;
  PullOptions options_;
};

}  // namespace bantam
