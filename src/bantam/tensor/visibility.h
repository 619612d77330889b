// Which key rows each query row may look at, as half-open ranges: the form in which attention
// kernels take every plan (causal, packed, windowed, tree, sets, bands). nn/attention_plan.h builds
// it.
#pragma once

#include <cstdint>
#include <vector>

namespace bantam {

struct KeyRange {
  std::int32_t begin = 0, end = 0;
  bool operator==(const KeyRange&) const = default;
};

struct Visibility {
  /// Query t sees ranges[first[t] … first[t+1]): disjoint, ascending (over pages, in any order). A
  /// query without ranges sees nothing and its output is zero. Size T + 1, first[0] = 0.
  std::vector<std::int32_t> first{0};
  std::vector<KeyRange> ranges;
  std::int32_t key_rows = 0;  ///< S: every range ends at or before it

  std::int64_t queries() const { return static_cast<std::int64_t>(first.size()) - 1; }
  /// Appends the next query's ranges.
  void push(std::initializer_list<KeyRange> of_query) {
    ranges.insert(ranges.end(), of_query.begin(), of_query.end());
    first.push_back(static_cast<std::int32_t>(ranges.size()));
  }
};

}  // namespace bantam
