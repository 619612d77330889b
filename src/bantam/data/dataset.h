// Rows with an identity: what one command trains on or measures with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/data/reader.h"
#include "bantam/data/row.h"

namespace bantam {

enum class OnDuplicate { error, keep_first, keep_last };
/// "error", "keep_first" or "keep_last". Throws Error(usage).
OnDuplicate on_duplicate_of(std::string_view name);

class Dataset {
 public:
  Dataset() = default;
  explicit Dataset(std::vector<Row> rows) : rows_(std::move(rows)) {}

  /// Reads every reference. Rows of one source and split that were given the same id are refused
  /// (naming the first 5) or reduced to one. When references carry weights, their rows are mixed
  /// (mix.h) with `seed`.
  static Dataset open(std::span<const DataRef> refs, const ReadOptions& options = {},
                      OnDuplicate on_duplicate = OnDuplicate::error, std::uint64_t seed = 1234);

  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  const Row& operator[](std::size_t i) const { return rows_[i]; }
  std::span<const Row> rows() const { return rows_; }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }

  const ReadReport& report() const { return report_; }

  Dataset subset(std::span<const std::uint32_t> rows) const;
  /// Rows whose split is `name`.
  Dataset of_split(std::string_view name) const;

  /// SHA-256 over ids, contents and weights in order: equal exactly when training would see the
  /// same rows.
  std::string content_hash() const;

 private:
  std::vector<Row> rows_;
  ReadReport report_;
};

/// Writes one object a line, complete or not at all.
void write_jsonl(const std::string& path, const Dataset& data);

}  // namespace bantam
