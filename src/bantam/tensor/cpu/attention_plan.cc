#include "bantam/tensor/cpu/attention_plan.h"

#include <cstdlib>

namespace bantam::cpu {
namespace {

// A window slides by one key a query and stays in the block; a new sequence starts further away.
constexpr std::int32_t kJump = 16;

void merge(std::vector<KeyRange>& into, std::vector<KeyRange>::const_iterator first,
           std::vector<KeyRange>::const_iterator last) {
  std::vector<KeyRange> all(into);
  for (; first != last; ++first) {
    if (first->begin < first->end) all.push_back(*first);
  }
  std::sort(all.begin(), all.end(),
            [](const KeyRange& a, const KeyRange& b) { return a.begin < b.begin; });
  into.clear();
  for (const KeyRange& range : all) {
    if (!into.empty() && range.begin <= into.back().end) {
      into.back().end = std::max(into.back().end, range.end);
    } else {
      into.push_back(range);
    }
  }
}

}  // namespace

std::vector<QueryBlock> query_blocks(const Visibility& visibility, std::int32_t most) {
  std::vector<QueryBlock> blocks;
  std::int32_t previous_begin = 0;
  for (std::int32_t query = 0; query < visibility.queries(); ++query) {
    const auto first = visibility.ranges.begin() + visibility.first[query];
    const auto last = visibility.ranges.begin() + visibility.first[query + 1];
    const auto seen = std::find_if(first, last, [](const KeyRange& r) { return r.begin < r.end; });
    if (seen == last) continue;
    const bool fresh = blocks.empty() || blocks.back().end != query ||
                       query - blocks.back().begin >= most ||
                       std::abs(seen->begin - previous_begin) > kJump;
    if (fresh) blocks.push_back({query, query, {}});
    blocks.back().end = query + 1;
    merge(blocks.back().keys, seen, last);
    previous_begin = seen->begin;
  }
  return blocks;
}

}  // namespace bantam::cpu
