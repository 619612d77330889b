#include "bantam/nn/kv_store.h"

#include <algorithm>
#include <set>

#include "bantam/base/error.h"
#include "bantam/tensor/ops/shape.h"

namespace bantam {
namespace {

std::int64_t tokens_in(std::span<const KeyRange> ranges) {
  std::int64_t total = 0;
  for (const KeyRange& range : ranges) total += range.end - range.begin;
  return total;
}

void append_row(std::vector<KeyRange>& ranges, std::int32_t row) {
  if (!ranges.empty() && ranges.back().end == row) {
    ++ranges.back().end;
  } else {
    ranges.push_back({row, row + 1});
  }
}

// In the order of tokens, so that results do not depend on which pages a sequence got.
void push(Visibility& visibility, std::span<const KeyRange> ranges) {
  visibility.ranges.insert(visibility.ranges.end(), ranges.begin(), ranges.end());
  visibility.first.push_back(static_cast<std::int32_t>(visibility.ranges.size()));
}

// The last `window` tokens of a past.
std::vector<KeyRange> last_tokens(std::span<const KeyRange> past, std::int64_t window) {
  std::vector<KeyRange> kept;
  for (auto range = past.rbegin(); range != past.rend() && window > 0; ++range) {
    const auto take =
        static_cast<std::int32_t>(std::min<std::int64_t>(window, range->end - range->begin));
    kept.push_back({range->end - take, range->end});
    window -= take;
  }
  std::ranges::reverse(kept);
  return kept;
}

}  // namespace

std::int64_t KvShape::heads() const {
  std::int64_t heads = 0;
  for (int layer = 0; layer < layers; ++layer) heads += heads_of(layer);
  return heads;
}

std::uint64_t KvShape::bytes_per_token() const {
  return static_cast<std::uint64_t>(2 * heads() * padded_head_width(head_width)) *
         static_cast<std::uint64_t>(info(dtype).block_bytes);
}

KvStore::KvStore(const KvShape& shape, std::int64_t max_tokens)
    : shape_(shape), max_pages_((max_tokens + kPageRows - 1) / kPageRows) {
  if (max_tokens < 1) throw usage_error("context: expected at least 1 token, found {}", max_tokens);
  grow(std::min<std::int64_t>(max_pages_, 8));
}

void KvStore::grow(std::int64_t pages) {
  const auto before = static_cast<std::int64_t>(pages_.size());
  if (pages <= before) return;
  // Pages of all layers lie together, so that few of the system's pages hold a past.
  memory_ = memory_.defined() ? with_more_pages(memory_, pages)
                              : make_pages(pages, shape_.heads(), shape_.head_width, shape_.dtype);
  layers_.clear();
  std::int64_t head = 0;
  for (int layer = 0; layer < shape_.layers; ++layer) {
    const std::int64_t end = head + shape_.heads_of(layer);
    layers_.push_back(slice(memory_, 1, head, end));
    head = end;
  }
  pages_.resize(static_cast<std::size_t>(pages));
  std::vector<std::int32_t> fresh;
  for (std::int64_t page = pages - 1; page >= before; --page)
    fresh.push_back(static_cast<std::int32_t>(page));
  free_pages_.insert(free_pages_.begin(), fresh.begin(), fresh.end());
}

KvStore::Past& KvStore::past(Sequence sequence) {
  const auto found = sequences_.find(sequence);
  if (found == sequences_.end()) throw internal_error("key-value store: no sequence {}", sequence);
  return found->second;
}

const KvStore::Past& KvStore::past(Sequence sequence) const {
  return const_cast<KvStore*>(this)->past(sequence);
}

KvStore::Sequence KvStore::new_sequence() {
  sequences_.emplace(next_sequence_, Past{});
  return next_sequence_++;
}

void KvStore::add_users(const Past& past, int change) {
  std::set<std::int32_t> touched;
  for (const KeyRange& range : past) {
    for (auto page = range.begin / kPageRows; page <= (range.end - 1) / kPageRows; ++page) {
      touched.insert(static_cast<std::int32_t>(page));
    }
  }
  for (const std::int32_t page : touched) {
    pages_[page].users += change;
    if (pages_[page].users == 0) {
      pages_[page].used = 0;
      free_pages_.push_back(page);
    }
  }
}

KvStore::Sequence KvStore::branch(Sequence of) {
  const Past shared = past(of);
  add_users(shared, +1);
  sequences_.emplace(next_sequence_, shared);
  return next_sequence_++;
}

void KvStore::release(Sequence sequence) {
  add_users(past(sequence), -1);
  sequences_.erase(sequence);
}

void KvStore::truncate(Sequence sequence, std::int64_t length) {
  Past& ranges = past(sequence);
  const std::int64_t before = tokens_in(ranges);
  if (length < 0 || length > before) {
    throw internal_error("key-value store: cannot roll back {} tokens to {}", before, length);
  }
  if (length == before) return;
  Past kept;
  std::int64_t left = length;
  for (const KeyRange& range : ranges) {
    if (left == 0) break;
    const auto take =
        static_cast<std::int32_t>(std::min<std::int64_t>(left, range.end - range.begin));
    kept.push_back({range.begin, range.begin + take});
    left -= take;
  }
  const Past dropped = ranges;
  add_users(kept, +1);
  add_users(dropped, -1);
  ranges = kept;
  // Rows after the cut may be used again when this sequence alone holds the page.
  if (!kept.empty()) {
    Page& last = pages_[(kept.back().end - 1) / kPageRows];
    if (last.users == 1)
      last.used = static_cast<std::int32_t>((kept.back().end - 1) % kPageRows + 1);
  }
}

std::int64_t KvStore::length(Sequence sequence) const { return tokens_in(past(sequence)); }

std::int64_t KvStore::free_tokens() const {
  const auto unborn = max_pages_ - static_cast<std::int64_t>(pages_.size());
  return (static_cast<std::int64_t>(free_pages_.size()) + unborn) * kPageRows;
}

std::int64_t KvStore::pages_needed(const Past& past, std::int64_t count,
                                   std::set<std::int32_t>& claimed) const {
  if (count == 0) return 0;
  std::int64_t room = 0;
  if (!past.empty()) {
    const std::int32_t row = past.back().end - 1;
    const auto number = static_cast<std::int32_t>(row / kPageRows);
    const Page& page = pages_[number];
    if (page.used == row % kPageRows + 1 && claimed.insert(number).second) {
      room = kPageRows - page.used;
    }
  }
  return std::max<std::int64_t>(0, (count - room + kPageRows - 1) / kPageRows);
}

std::int32_t KvStore::take_row(Past& past) {
  if (!past.empty()) {
    const std::int32_t row = past.back().end - 1;
    Page& page = pages_[row / kPageRows];
    // The rest of the last page is ours as long as nobody took a row after our last one.
    if (page.used == row % kPageRows + 1 && page.used < kPageRows) {
      append_row(past, row + 1);
      ++page.used;
      return row + 1;
    }
  }
  const std::int32_t page = free_pages_.back();
  free_pages_.pop_back();
  pages_[page].users = 1;
  pages_[page].used = 1;
  const auto row = static_cast<std::int32_t>(page * kPageRows);
  append_row(past, row);
  return row;
}

KvStore::Step KvStore::extend(std::span<const Append> appends, std::int64_t window) {
  std::int64_t needed = 0, tokens = 0;
  std::set<std::int32_t> claimed;
  for (const Append& append : appends) {
    needed += pages_needed(past(append.sequence), append.count, claimed);
    tokens += append.count;
  }
  const auto free_now = static_cast<std::int64_t>(free_pages_.size());
  if (needed > free_now) {
    const std::int64_t wanted = static_cast<std::int64_t>(pages_.size()) + needed - free_now;
    if (wanted > max_pages_) {
      throw resource_error(
          "context is full: {} more tokens are needed, {} are free; use a larger --context or a "
          "shorter text",
          tokens, free_tokens());
    }
    // A quarter at a time: memory seldom moves, and little is unused.
    const auto now = static_cast<std::int64_t>(pages_.size());
    grow(std::min<std::int64_t>(max_pages_, std::max(wanted, now + now / 4)));
  }
  Step step;
  for (const Append& append : appends) {
    Past& ranges = past(append.sequence);
    auto position = static_cast<std::int32_t>(tokens_in(ranges));
    const auto length = static_cast<std::int32_t>(std::max(position + append.count, append.known));
    for (std::int64_t i = 0; i < append.count; ++i) {
      step.rows.push_back(take_row(ranges));
      step.plan.lengths.push_back(length);
      step.plan.positions.push_back(position++);
      push(step.plan.visibility, window > 0 ? last_tokens(ranges, window) : ranges);
    }
  }
  step.plan.visibility.key_rows = static_cast<std::int32_t>(pages_.size() * kPageRows);
  return step;
}

KvStore::Step KvStore::extend_tree(Sequence sequence, std::span<const std::int32_t> parents,
                                   std::int64_t known) {
  const Past before = past(sequence);
  const AttentionPlan tree = AttentionPlan::tree(parents);
  const Append append{sequence, static_cast<std::int64_t>(parents.size())};
  Step step = extend({&append, 1});
  const auto base = static_cast<std::int32_t>(tokens_in(before));
  Visibility visibility;
  visibility.key_rows = step.plan.visibility.key_rows;
  for (std::size_t token = 0; token < parents.size(); ++token) {
    std::vector<KeyRange> seen = before;
    for (auto r = tree.visibility.first[token]; r < tree.visibility.first[token + 1]; ++r) {
      const KeyRange& nodes = tree.visibility.ranges[r];
      for (std::int32_t node = nodes.begin; node < nodes.end; ++node)
        append_row(seen, step.rows[node]);
    }
    push(visibility, seen);
    step.plan.positions[token] = base + tree.positions[token];
    step.plan.lengths[token] =
        std::max(base + tree.lengths[token], static_cast<std::int32_t>(known));
  }
  step.plan.visibility = std::move(visibility);
  return step;
}

void KvStore::write(int layer, std::span<const std::int32_t> rows, const Tensor& keys,
                    const Tensor& values) {
  write_pages(layers_[layer], rows, keys, values);
}

}  // namespace bantam
