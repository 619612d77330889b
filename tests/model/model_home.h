// A home folder of a test's own, with environment variables that are put back afterwards.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/file_bytes.h"

namespace bantam {

class ModelHome {
 public:
  ModelHome() : before_(home_folder()) {
    set_home_folder(folder_.path());
    set("HF_HUB_CACHE", (folder_.path() / "cache").string());
    set("HF_HOME", (folder_.path() / "hf").string());
    for (const char* name :
         {"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE",
          "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_DISABLE_SYMLINKS",
          "HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"}) {
      set(name, "");
    }
  }
  ~ModelHome() {
    set_home_folder(before_);
    for (const auto& [name, value] : saved_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  ModelHome(const ModelHome&) = delete;
  ModelHome& operator=(const ModelHome&) = delete;

  void set(const std::string& name, const std::string& value) {
    const char* old = std::getenv(name.c_str());
    saved_.emplace(saved_.begin(), name,
                   old == nullptr ? std::nullopt : std::optional<std::string>(old));
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  const Path& path() const { return folder_.path(); }
  Path write(const std::string& name, std::string_view content = "GGUF") const {
    return folder_.write(name, content);
  }

 private:
  TemporaryFolder folder_;
  Path before_;
  std::vector<std::pair<std::string, std::optional<std::string>>> saved_;
};

}  // namespace bantam
