// Step 1 of tune: look at the rows, and split them without leaks.
#include <algorithm>
#include <map>
#include <set>

#include "bantam/base/error.h"
#include "bantam/base/random.h"
#include "bantam/data/split.h"
#include "bantam/recipe/tune/tune.h"

namespace bantam {
namespace {

constexpr std::size_t kFewestRows = 8;

Row::Kind kind_of(const Dataset& rows, const TuneOptions& options) {
  std::map<Row::Kind, std::int64_t> kinds;
  for (const Row& row : rows) ++kinds[row.kind];
  if (kinds.size() > 1) {
    std::string found;
    for (const auto& [kind, count] : kinds)
      found += fmt::format("{}{} {}", found.empty() ? "" : ", ", count, name_of(kind));
    throw input_error("the rows are of several kinds ({}); tune one kind at a time", found);
  }
  const Row::Kind kind = kinds.begin()->first;
  if (!options.task.empty() && row_kind_of(options.task) != kind) {
    throw input_error("--task {} was asked for, but the rows are {} rows", options.task,
                      name_of(kind));
  }
  if (kind == Row::Kind::text || kind == Row::Kind::tokens) {
    throw input_error(
        "the rows are {} without an answer to learn; `bantam train --objective pretrain` continues "
        "such text",
        name_of(kind));
  }
  if (kind == Row::Kind::multi_label || kind == Row::Kind::spans) {
    throw input_error(
        "the rows are {} rows; tune learns one label or one answer a row, and `bantam train` with "
        "an encoder learns these",
        name_of(kind));
  }
  return kind;
}

// Exact repeats teach nothing new and would count twice in a score.
Dataset without_repeats(const Dataset& rows, std::int64_t& removed) {
  std::set<std::string> seen;
  std::vector<std::uint32_t> kept;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (seen.insert(content_hash(rows[i])).second) kept.push_back(i);
  }
  removed = static_cast<std::int64_t>(rows.size() - kept.size());
  return rows.subset(kept);
}

std::string class_summary(const Dataset& rows) {
  std::map<std::string, std::int64_t> counts;
  for (const Row& row : rows) ++counts[row.label];
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto smallest = std::ranges::min_element(counts, less);
  const auto largest = std::ranges::max_element(counts, less);
  return fmt::format("{} classes, {} ({}) to {} ({}) rows each", counts.size(), smallest->second,
                     smallest->first, largest->second, largest->first);
}

void require_known_labels(const TuneData& data) {
  for (const Dataset* side : {&data.dev, &data.test}) {
    for (const Row& row : side->rows()) {
      if (!std::ranges::binary_search(data.labels, row.label)) {
        throw input_error(
            "{}: label '{}' occurs in no training row; add training rows for it or remove it",
            where_is(row), escaped(row.label, 60));
      }
    }
  }
}

// A seeded choice: files are often sorted by label.
Dataset some_rows(const Dataset& rows, std::int64_t limit, std::int64_t seed) {
  if (limit <= 0 || static_cast<std::int64_t>(rows.size()) <= limit) return rows;
  auto chosen = RandomStream(static_cast<std::uint64_t>(seed), "limit-test")
                    .permutation(static_cast<std::uint32_t>(rows.size()));
  chosen.resize(static_cast<std::size_t>(limit));
  std::ranges::sort(chosen);
  return rows.subset(chosen);
}

}  // namespace

TuneData prepare_tune_data(const Dataset& all, const TuneOptions& options, std::int64_t seed) {
  TuneData data;
  if (all.size() < kFewestRows) {
    throw input_error(
        "{} rows are too few to train and measure on; at least {} are needed, some hundreds are "
        "better",
        all.size(), kFewestRows);
  }
  data.kind = kind_of(all, options);
  std::int64_t repeats = 0;
  const Dataset rows = without_repeats(all, repeats);
  if (repeats > 0) data.notes.push_back(fmt::format("{} exact repeats were left out", repeats));
  data.facts.emplace_back("exact repeats left out", with_commas(repeats));
  // A fifth is measured on; dev rows only pick the best checkpoint, so a few hundred do.
  const double dev = std::min(0.1, 200.0 / static_cast<double>(rows.size()));
  Splits splits =
      split_dataset(rows, {.dev = dev, .test = 0.2, .seed = static_cast<std::uint64_t>(seed)});
  data.train = std::move(splits.train);
  data.dev = std::move(splits.dev);
  data.test = some_rows(splits.test, options.limit_test, seed);
  data.notes.insert(data.notes.end(), splits.notes.begin(), splits.notes.end());
  const Overlap overlap = find_overlap(data.train, data.test);
  if (overlap.count > 0) {
    data.notes.push_back(
        fmt::format("warning: {} test rows ask what a training row asks ({}, …); scores will look "
                    "better than they are",
                    overlap.count, overlap.first.front()));
  }
  data.facts.emplace_back("test rows whose input is also in train", with_commas(overlap.count));
  if (data.kind == Row::Kind::classification) {
    data.labels = labels_of(data.train.rows());
    if (data.labels.size() < 2)
      throw input_error("all training rows have the label '{}'; nothing to learn",
                        data.labels.front());
    require_known_labels(data);
    if (!options.prompt_template.empty()) data.task.prompt = options.prompt_template;
    fill_template(data.task.prompt,
                  data.train[0]);  // a bad template fails now, not after the baselines
    data.facts.emplace_back("classes", class_summary(data.train));
  } else if (!options.prompt_template.empty()) {
    throw usage_error("--template is for labelled rows; these are {} rows", name_of(data.kind));
  }
  return data;
}

}  // namespace bantam
