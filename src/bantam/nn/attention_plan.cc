#include "bantam/nn/attention_plan.h"

#include <algorithm>

#include "bantam/base/error.h"

namespace bantam {

AttentionPlan AttentionPlan::causal(std::span<const std::int64_t> lengths) {
  return windowed(lengths, std::int64_t{1} << 40);
}

AttentionPlan AttentionPlan::windowed(std::span<const std::int64_t> lengths, std::int64_t window) {
  if (window < 1)
    throw input_error("attention window: expected at least 1 token, found {}", window);
  AttentionPlan plan;
  std::int64_t begin = 0;
  for (const std::int64_t length : lengths) {
    if (length < 0) throw input_error("attention plan: a sequence of {} tokens", length);
    for (std::int64_t i = 0; i < length; ++i) {
      plan.positions.push_back(static_cast<std::int32_t>(i));
      plan.lengths.push_back(static_cast<std::int32_t>(length));
      const std::int64_t first = begin + std::max<std::int64_t>(0, i + 1 - window);
      plan.visibility.push(
          {{static_cast<std::int32_t>(first), static_cast<std::int32_t>(begin + i + 1)}});
    }
    begin += length;
  }
  plan.visibility.key_rows = static_cast<std::int32_t>(begin);
  return plan;
}

AttentionPlan AttentionPlan::tree(std::span<const std::int32_t> parents) {
  AttentionPlan plan;
  const auto count = static_cast<std::int32_t>(parents.size());
  for (std::int32_t token = 0; token < count; ++token) {
    if (parents[token] >= token || parents[token] < -1) {
      throw input_error("attention tree: token {} has parent {}; expected -1 or an earlier token",
                        token, parents[token]);
    }
    // Ancestors from the token up, merged into ascending ranges: most paths are a few runs of
    // neighbors.
    std::vector<KeyRange> path;
    for (std::int32_t node = token; node >= 0; node = parents[node]) {
      if (!path.empty() && path.back().begin == node + 1) {
        path.back().begin = node;
      } else {
        path.push_back({node, node + 1});
      }
    }
    plan.positions.push_back(parents[token] < 0 ? 0 : plan.positions[parents[token]] + 1);
    std::ranges::reverse(path);
    Visibility& visibility = plan.visibility;
    visibility.ranges.insert(visibility.ranges.end(), path.begin(), path.end());
    visibility.first.push_back(static_cast<std::int32_t>(visibility.ranges.size()));
  }
  plan.visibility.key_rows = count;
  const std::int32_t deepest = count == 0 ? 0 : *std::ranges::max_element(plan.positions) + 1;
  plan.lengths.assign(plan.positions.size(), deepest);
  return plan;
}

AttentionPlan AttentionPlan::whole(std::span<const std::int64_t> lengths) {
  AttentionPlan plan = causal(lengths);
  for (std::size_t token = 0; token < plan.positions.size(); ++token) {
    const auto begin = static_cast<std::int32_t>(token) - plan.positions[token];
    plan.visibility.ranges[token] = {begin, begin + plan.lengths[token]};
  }
  return plan;
}

Visibility within_band(const Visibility& all, std::int64_t reach) {
  Visibility some = all;
  for (std::int64_t token = 0; token < all.queries(); ++token) {
    for (std::int32_t r = all.first[token]; r < all.first[token + 1]; ++r) {
      KeyRange& range = some.ranges[r];
      range.begin =
          static_cast<std::int32_t>(std::max<std::int64_t>(range.begin, token - reach + 1));
      range.end = static_cast<std::int32_t>(std::min<std::int64_t>(range.end, token + reach));
    }
  }
  return some;
}

Visibility within_window(const Visibility& all, std::int64_t window) {
  Visibility some;
  some.key_rows = all.key_rows;
  std::vector<KeyRange> kept;
  for (std::int64_t query = 0; query < all.queries(); ++query) {
    kept.clear();
    std::int64_t left = window;
    for (std::int32_t r = all.first[query + 1]; r > all.first[query] && left > 0; --r) {
      const KeyRange& range = all.ranges[r - 1];
      const auto take =
          static_cast<std::int32_t>(std::min<std::int64_t>(left, range.end - range.begin));
      kept.push_back({range.end - take, range.end});
      left -= take;
    }
    some.ranges.insert(some.ranges.end(), kept.rbegin(), kept.rend());
    some.first.push_back(static_cast<std::int32_t>(some.ranges.size()));
  }
  return some;
}

}  // namespace bantam
