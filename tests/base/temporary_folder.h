// A folder that is removed with everything in it when the test ends.
#pragma once

#include <cstdlib>
#include <string>

#include "bantam/base/files.h"

namespace bantam {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bantam-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  Path operator/(const std::string& name) const { return path_ / name; }
  const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace bantam
