// The record of everything Bantam did: one SQLite file (WAL), written by every command that works.
//
// A crash loses at most the last second of metrics. A store that is damaged or cannot be written
// never stops work: it is moved aside (".damaged-N") and the reason is kept in RunStore::warning().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

struct RunRecord {
  std::string id, command, name, version, device,
      status;  ///< status: running, done, failed, interrupted
  Json config;
  std::int64_t seed = 0;
  double started = 0, ended = 0;  ///< seconds since 1970
  std::string parent;
};
struct MetricRecord {
  std::int64_t step;
  double time;
  std::string name;
  std::optional<double> value;
};
struct FileRecord {
  std::string path, sha256, kind;
};

class RunStore;

/// One run being written. Metrics are buffered and committed at least each second; finish() commits
/// the rest. A Run that is destroyed without finish() is recorded as failed.
class Run {
 public:
  ~Run();
  Run(Run&&) noexcept;
  const std::string& id() const;
  Path folder() const;  ///< home/runs/ID, made on first use
  void log(std::int64_t step, std::string_view name,
           double value);                                  ///< non-finite values are stored as NULL
  void add_file(const Path& path, std::string_view kind);  ///< hashed
  void add_row(const Json& row);  ///< a line of a table: a sweep's cell, an evaluated item
  void finish(std::string_view status);

 private:
  friend class RunStore;
  struct Impl;
  explicit Run(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class RunStore {
 public:
  /// Opens or creates home/runs.sqlite.
  static std::shared_ptr<RunStore> open(const Path& home);
  ~RunStore();
  Run start(std::string_view command, const Json& config, std::int64_t seed,
            std::string_view name = "", std::string_view parent = "");
  std::vector<RunRecord> list(int limit = 50) const;
  /// Accepts a unique prefix of the id. Throws Error(input) when none or several match.
  RunRecord get(std::string_view id) const;
  std::vector<MetricRecord> metrics(std::string_view id, std::string_view name = "") const;
  std::vector<FileRecord> files(std::string_view id) const;
  std::vector<Json> rows(std::string_view id) const;
  const std::string& warning() const;  ///< "" when all is well

 private:
  struct Impl;
  explicit RunStore(std::unique_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace bantam
