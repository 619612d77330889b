// What a data set is, at a glance: kind of task, classes, lengths, duplicates.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bantam/data/dataset.h"

namespace bantam {

/// Percentiles of a length.
struct LengthSummary {
  std::int64_t shortest = 0, median = 0, p90 = 0, p99 = 0, longest = 0;
};
LengthSummary summarize_lengths(std::vector<std::int64_t> lengths);  ///< all zero for no lengths

struct DatasetSummary {
  std::int64_t rows = 0;
  Row::Kind kind = Row::Kind::text;  ///< of most rows
  bool is_mixed = false;             ///< rows of another kind occur too
  std::vector<std::pair<Row::Kind, std::int64_t>> kinds;
  std::vector<std::pair<std::string, std::int64_t>>
      classes;  ///< label, rows; most first; classification and multi-label only
  std::vector<std::pair<std::string, std::int64_t>> sources, splits;
  std::int64_t groups = 0;          ///< distinct, of rows that have one
  LengthSummary input, answer;      ///< bytes of UTF-8
  std::int64_t duplicates = 0;      ///< rows whose input and answer an earlier row already had
  std::int64_t contradictions = 0;  ///< rows whose input an earlier row had with another answer
  std::vector<std::string> first_duplicates, first_contradictions;  ///< where, up to 5
};

DatasetSummary summarize(const Dataset& data);

/// Distinct labels of classification and multi-label rows in alphabetical order: the order of class
/// numbers everywhere.
std::vector<std::string> labels_of(const Dataset& data);

/// The single kind of all rows. Throws Error(input) naming the first row of each kind when there
/// are several.
Row::Kind require_one_kind(const Dataset& data);

}  // namespace bantam
