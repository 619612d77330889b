#include "bantam/data/summary.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "bantam/base/error.h"
#include "bantam/stats/quantile.h"

namespace bantam {
namespace {

using Counts = std::map<std::string, std::int64_t>;

std::vector<std::pair<std::string, std::int64_t>> most_first(const Counts& counts) {
  std::vector<std::pair<std::string, std::int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

void remember_first(std::vector<std::string>& places, const Row& row) {
  if (places.size() < 5) places.push_back(where_is(row));
}

/// Two questions at once: seen before with this answer, or with another one.
void count_repeats(const Dataset& data, DatasetSummary& summary) {
  std::unordered_map<std::string, std::string> first_answer;
  std::unordered_set<std::string> seen;
  for (const Row& row : data) {
    std::string input = input_of(row), answer = answer_of(row);
    const bool repeated = !seen.insert(content_hash(row)).second;
    const auto [place, fresh] = first_answer.emplace(std::move(input), answer);
    if (repeated) {
      ++summary.duplicates;
      remember_first(summary.first_duplicates, row);
    } else if (!fresh && place->second != answer) {
      ++summary.contradictions;
      remember_first(summary.first_contradictions, row);
    }
  }
}

}  // namespace

LengthSummary summarize_lengths(std::vector<std::int64_t> lengths) {
  if (lengths.empty()) return {};
  std::sort(lengths.begin(), lengths.end());
  const std::vector<double> sorted(lengths.begin(), lengths.end());
  const auto at = [&](double fraction) {
    return static_cast<std::int64_t>(quantile_of_sorted(sorted, fraction) + 0.5);
  };
  return {lengths.front(), at(0.5), at(0.9), at(0.99), lengths.back()};
}

DatasetSummary summarize(const Dataset& data) {
  DatasetSummary summary;
  summary.rows = static_cast<std::int64_t>(data.size());
  Counts classes, sources, splits;
  std::map<Row::Kind, std::int64_t> kinds;
  std::set<std::string> groups;
  std::vector<std::int64_t> inputs, answers;
  for (const Row& row : data) {
    ++kinds[row.kind];
    if (row.kind == Row::Kind::classification) ++classes[row.label];
    for (const std::string& label : row.labels) ++classes[label];
    ++sources[row.source];
    if (!row.split.empty()) ++splits[row.split];
    if (!row.group.empty()) groups.insert(row.group);
    inputs.push_back(static_cast<std::int64_t>(input_of(row).size()));
    answers.push_back(static_cast<std::int64_t>(answer_of(row).size()));
  }
  std::int64_t most = 0;
  for (const auto& [kind, count] : kinds) {
    summary.kinds.emplace_back(kind, count);
    if (count > most) {
      most = count;
      summary.kind = kind;
    }
  }
  summary.is_mixed = kinds.size() > 1;
  summary.classes = most_first(classes);
  summary.sources = most_first(sources);
  summary.splits = most_first(splits);
  summary.groups = static_cast<std::int64_t>(groups.size());
  summary.input = summarize_lengths(std::move(inputs));
  summary.answer = summarize_lengths(std::move(answers));
  count_repeats(data, summary);
  return summary;
}

std::vector<std::string> labels_of(const Dataset& data) {
  std::set<std::string> labels;
  for (const Row& row : data) {
    if (row.kind == Row::Kind::classification) labels.insert(row.label);
    labels.insert(row.labels.begin(), row.labels.end());
  }
  return {labels.begin(), labels.end()};
}

Row::Kind require_one_kind(const Dataset& data) {
  if (data.empty()) throw input_error("0 examples");
  const Row& first = data[0];
  for (const Row& row : data) {
    if (row.kind != first.kind) {
      throw input_error(
          "expected rows of one kind, found {} at {} and {} at {}; choose one with --task",
          name_of(first.kind), where_is(first), name_of(row.kind), where_is(row));
    }
  }
  return first.kind;
}

}  // namespace bantam
