#include "bantam/model/models_lock.h"

#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/model/hub_cache.h"
#include "bantam/model/hub_lock.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxLockBytes = std::uint64_t{16} << 20;

Path lock_file() { return models_folder() / "models.lock"; }

std::string key_of(const Path& file) {
  if (const auto name = name_in_cache(file)) return name->text();
  return file.lexically_relative(models_folder()).generic_string();
}

Json read_lock() {
  std::error_code ignored;
  if (!std::filesystem::exists(lock_file(), ignored)) return Json::object();
  const std::string where = escaped(lock_file().string());
  Json lock;
  try {
    lock = parse_json(read_file(lock_file(), kMaxLockBytes));
  } catch (const Error& problem) {
    throw problem.at(where);
  }
  if (!lock.is_object())
    throw input_error("{}: expected a JSON object; delete it to begin a new one", where);
  return lock;
}

void make_folder(const Path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw resource_error("{}: {}", escaped(folder.string()), failed.message());
}

std::string text_in(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::optional<LockEntry> lock_entry(const Path& file) {
  const Json lock = read_lock();
  const auto found = lock.find(key_of(file));
  if (found == lock.end() || !found->is_object()) return std::nullopt;
  LockEntry entry{text_in(*found, "sha256"), text_in(*found, "source"), 0};
  const auto bytes = found->find("bytes");
  if (bytes != found->end() && bytes->is_number_unsigned())
    entry.bytes = bytes->get<std::uint64_t>();
  return entry;
}

void check_lock(const Path& file, const std::string& sha256) {
  const auto entry = lock_entry(file);
  if (!entry || entry->sha256.empty() || entry->sha256 == sha256) return;
  throw input_error(
      "{}: its content changed: SHA-256 is {} but models.lock has {}; if the change is wanted, "
      "delete the entry '{}' from {}",
      escaped(file.string()), sha256, escaped(entry->sha256), escaped(key_of(file)),
      escaped(lock_file().string()));
}

void record_in_lock(const Path& file, const LockEntry& entry) {
  // Two pulls at once add their entries one after the other.
  make_folder(models_folder());
  const HubLock held(models_folder() / ".models.lock.lock", [] {});
  Json lock = read_lock();
  lock[key_of(file)] = {{"sha256", entry.sha256}, {"bytes", entry.bytes}, {"source", entry.source}};
  write_file_atomically(lock_file(), dump_json(lock, 2) + "\n");
}

}  // namespace bantam
