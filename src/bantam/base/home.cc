#include <cstdlib>
#include <mutex>

#include "bantam/base/error.h"
#include "bantam/base/files.h"

namespace bantam {

namespace {

std::mutex home_mutex;
Path chosen_home;

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

}  // namespace

Path home_folder() {
  const std::lock_guard lock(home_mutex);
  if (!chosen_home.empty()) return chosen_home;
  if (const char* home = variable("BANTAM_HOME")) return home;
  if (const char* data = variable("XDG_DATA_HOME")) return Path(data) / "bantam";
  if (const char* user = variable("HOME")) return Path(user) / ".local" / "share" / "bantam";
  throw usage_error(
      "no home folder: HOME, XDG_DATA_HOME and BANTAM_HOME are unset; give --home FOLDER");
}

void set_home_folder(Path folder) {
  const std::lock_guard lock(home_mutex);
  chosen_home = std::move(folder);
}

void require_fresh_output(const Path& output, bool force, std::span<const Path> inputs) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(output, ignored))) return;
  for (const Path& input : inputs) {
    if (std::filesystem::equivalent(output, input, ignored)) {
      throw usage_error("{}: is the output and an input; give --out another name",
                        escaped(output.native()));
    }
  }
  if (force) return;
  if (std::filesystem::is_directory(output, ignored) &&
      std::filesystem::is_empty(output, ignored)) {
    return;
  }
  throw usage_error("{}: exists already; choose another --out, or --force to replace it",
                    escaped(output.native()));
}

}  // namespace bantam
