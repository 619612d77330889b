#include "bantam/tensor/cpu/paged_blocks.h"

namespace bantam::cpu {
namespace {

bool begins_with(std::span<const KeyRange> longer, std::span<const KeyRange> list) {
  if (longer.size() < list.size()) return false;
  const std::size_t last = list.size() - 1;
  return std::equal(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(last),
                    longer.begin()) &&
         longer[last].begin == list[last].begin && longer[last].end >= list[last].end;
}

std::vector<Piece> pieces_of(std::span<const KeyRange> ranges) {
  constexpr auto kRows = static_cast<std::int32_t>(kPageRows);
  std::vector<Piece> pieces;
  std::int64_t most = 0;
  for (const KeyRange& range : ranges) most += (range.end - range.begin) / kRows + 2;
  pieces.reserve(static_cast<std::size_t>(most));
  std::int32_t before = 0;
  for (const KeyRange& range : ranges) {
    for (std::int32_t row = range.begin; row < range.end;) {
      const std::int32_t end = std::min(range.end, (row / kRows + 1) * kRows);
      pieces.push_back({row, end - row, before});
      before += end - row;
      row = end;
    }
  }
  return pieces;
}

}  // namespace

std::int32_t keys_in(std::span<const KeyRange> ranges) {
  std::int32_t total = 0;
  for (const KeyRange& range : ranges) total += range.end - range.begin;
  return total;
}

namespace {

// Below this many units of work, the chunks of each are handed out singly.
constexpr std::size_t kFewUnits = 16;

std::vector<PagedBlock> paged_blocks(const PagedProblem& problem) {
  std::vector<PagedBlock> blocks;
  const auto close = [&] {
    if (!blocks.empty()) blocks.back().pieces = pieces_of(problem.ranges(blocks.back().end - 1));
  };
  for (std::int32_t query = 0; query < problem.visibility.queries(); ++query) {
    const std::span<const KeyRange> ranges = problem.ranges(query);
    const std::int32_t seen = keys_in(ranges);
    if (seen == 0) continue;
    const bool joins = !blocks.empty() && blocks.back().end == query &&
                       query - blocks.back().begin < problem.queries_per_block() &&
                       begins_with(ranges, problem.ranges(query - 1));
    if (!joins) {
      close();
      blocks.push_back({query, query, {}, {}, {}});
    }
    blocks.back().end = query + 1;
    blocks.back().seen.push_back(seen);
  }
  close();
  for (std::size_t i = blocks.size(); i-- > 0;) {
    const bool goes_on = i + 1 < blocks.size() && begins_with(problem.ranges(blocks[i + 1].end - 1),
                                                              problem.ranges(blocks[i].end - 1));
    blocks[i].list = goes_on ? blocks[i + 1].list : i;
  }
  return blocks;
}

std::vector<PagedUnit> units_of(const PagedProblem& problem,
                                const std::vector<PagedBlock>& blocks) {
  const std::int64_t groups = problem.groups;
  std::vector<PagedUnit> units;
  for (const PagedBlock& block : blocks) {
    const bool alone = block.end - block.begin == 1,
               short_list = block.chunks() == 1 && blocks.size() < kFewUnits;
    const std::int64_t together = alone && !short_list && !problem.by_tiles ? groups : 1;
    for (std::int64_t group = 0; group < groups; group += together) {
      units.push_back({&block, group, group + together});
    }
  }
  return units;
}

// All that a plan follows from.
struct PlanKey {
  std::vector<std::int32_t> first;
  std::vector<KeyRange> ranges;
  std::int32_t queries_per_block = 0;
  std::int64_t groups = 0;
  bool by_tiles = false;

  bool is_of(const PagedProblem& problem) const {
    return queries_per_block == problem.queries_per_block() && groups == problem.groups &&
           by_tiles == problem.by_tiles && first == problem.visibility.first &&
           ranges == problem.visibility.ranges;
  }
};

}  // namespace

const PagedPlan& PagedPlan::of(const PagedProblem& problem) {
  thread_local PlanKey key;
  thread_local PagedPlan plan;
  if (!key.is_of(problem)) {
    key = {};  // should memory run out below
    plan.blocks = paged_blocks(problem);
    plan.units = units_of(problem, plan.blocks);
    plan.in_chunks =
        !problem.by_tiles && plan.units.size() < kFewUnits &&
        std::ranges::any_of(plan.blocks, [](const PagedBlock& b) { return b.chunks() > 1; });
    key = {problem.visibility.first, problem.visibility.ranges, problem.queries_per_block(),
           problem.groups, problem.by_tiles};
  }
  return plan;
}

}  // namespace bantam::cpu
