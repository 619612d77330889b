#include "bantam/data/dataset.h"

#include <array>
#include <unordered_map>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/options.h"
#include "bantam/data/mix.h"

namespace bantam {
namespace {

struct Duplicate {
  std::size_t first, again;
};

/// Pairs (earlier row, later row) that were given one id within one source and split.
std::vector<Duplicate> find_duplicate_ids(std::span<const Row> rows) {
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<Duplicate> duplicates;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].id_was_given) continue;
    const auto [place, fresh] =
        seen.emplace(fmt::format("{}\x1f{}\x1f{}", rows[i].source, rows[i].split, rows[i].id), i);
    if (!fresh) duplicates.push_back({place->second, i});
  }
  return duplicates;
}

void resolve_duplicates(std::vector<Row>& rows, OnDuplicate policy) {
  const auto duplicates = find_duplicate_ids(rows);
  if (duplicates.empty()) return;
  if (policy == OnDuplicate::error) {
    std::string first;
    for (std::size_t i = 0; i < std::min<std::size_t>(duplicates.size(), 5); ++i) {
      first += fmt::format(
          "{}'{}' ({} and {})", i ? ", " : "", escaped(rows[duplicates[i].again].id, 60),
          where_is(rows[duplicates[i].first]), where_is(rows[duplicates[i].again]));
    }
    throw input_error(
        "{} rows repeat an id: {}{}; remove them or give --on-duplicate keep_first or keep_last",
        duplicates.size(), first, duplicates.size() > 5 ? ", ..." : "");
  }
  std::vector<bool> dropped(rows.size());
  for (const Duplicate& duplicate : duplicates) {
    if (policy == OnDuplicate::keep_last) {
      // The last one takes the place of the first, so that the order of the others stays.
      Row& first = rows[duplicate.first];
      first = std::move(rows[duplicate.again]);
    }
    dropped[duplicate.again] = true;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (dropped[i]) continue;
    if (kept != i) rows[kept] = std::move(rows[i]);
    ++kept;
  }
  rows.resize(kept);
}

}  // namespace

OnDuplicate on_duplicate_of(std::string_view name) {
  const std::array<std::string, 3> known{"error", "keep_first", "keep_last"};
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == name) return static_cast<OnDuplicate>(i);
  }
  throw_unknown_name("on-duplicate policy", name, known);
}

Dataset Dataset::open(std::span<const DataRef> refs, const ReadOptions& options,
                      OnDuplicate on_duplicate, std::uint64_t seed) {
  if (refs.empty()) throw usage_error("expected data such as --data rows.jsonl, found none");
  Dataset data;
  std::vector<std::vector<Row>> parts;
  std::vector<double> weights;
  bool weighted = false;
  for (const DataRef& ref : refs) {
    parts.push_back(read_rows(ref, options, &data.report_));
    resolve_duplicates(parts.back(), on_duplicate);
    weighted |= ref.weight.has_value();
    weights.push_back(ref.weight.value_or(1.0));
  }
  if (weighted && refs.size() > 1) {
    data.rows_ = mix(std::move(parts), weights, {.seed = seed});
    return data;
  }
  for (std::vector<Row>& part : parts) {
    for (Row& row : part) data.rows_.push_back(std::move(row));
  }
  resolve_duplicates(data.rows_, on_duplicate);
  return data;
}

Dataset Dataset::subset(std::span<const std::uint32_t> rows) const {
  std::vector<Row> chosen;
  chosen.reserve(rows.size());
  for (const std::uint32_t row : rows) chosen.push_back(rows_.at(row));
  return Dataset(std::move(chosen));
}

Dataset Dataset::of_split(std::string_view name) const {
  std::vector<Row> chosen;
  for (const Row& row : rows_) {
    if (row.split == name) chosen.push_back(row);
  }
  return Dataset(std::move(chosen));
}

std::string Dataset::content_hash() const {
  std::string digest_of_rows;
  for (const Row& row : rows_) {
    digest_of_rows += fmt::format("{} {} {}\n", row.id, bantam::content_hash(row), row.weight);
  }
  return sha256(std::as_bytes(std::span(digest_of_rows)));
}

void write_jsonl(const std::string& path, const Dataset& data) {
  AtomicFile file(path);
  for (const Row& row : data) file.write(dump_json(row_to_json(row)) + "\n");
  file.commit();
}

}  // namespace bantam
