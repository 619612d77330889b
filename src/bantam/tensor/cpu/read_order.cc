#include "bantam/tensor/cpu/read_order.h"

#include <algorithm>
#include <utility>

namespace bantam::cpu {
namespace {

template <class T>
void store_change(std::atomic<T>& kept, T value) {
  if (kept.load(std::memory_order_relaxed) != value) kept.store(value, std::memory_order_relaxed);
}

// Begins of two products in one list.
ReadAhead joined(const ReadAhead& first, const ReadAhead& second) {
  ReadAhead out{};
  std::size_t count = 0;
  std::int64_t room = ReadOrder::kMostBytes;
  for (const ReadAhead* list : {&first, &second}) {
    for (const auto& [at, bytes] : list->parts) {
      if (bytes == 0 || room == 0 || count == std::size(out.parts)) break;
      out.parts[count++] = {at, std::min(bytes, room)};
      room -= std::min(bytes, room);
    }
  }
  return out;
}

}  // namespace

void ReadNext::learn(std::span<const ReadAhead> lists) {
  for (std::size_t i = 0; i < lists.size(); ++i) {
    for (std::size_t p = 0; p < std::size(lists[i].parts); ++p) {
      store_change(lists_[i].parts[p].at, lists[i].parts[p].at);
      store_change(lists_[i].parts[p].bytes, lists[i].parts[p].bytes);
    }
  }
}

void ReadNext::tell(std::span<ReadAhead> lists) const {
  for (std::size_t i = 0; i < lists.size(); ++i) {
    for (std::size_t p = 0; p < std::size(lists[i].parts); ++p) {
      lists[i].parts[p] = {lists_[i].parts[p].at.load(std::memory_order_relaxed),
                           lists_[i].parts[p].bytes.load(std::memory_order_relaxed)};
    }
  }
}

void ReadOrder::add(std::shared_ptr<ReadNext> next, std::span<const ReadAhead> begins) {
  if (const auto learner = before_.lock()) {
    std::array<ReadAhead, ReadNext::kHelpers> lists;
    const std::size_t count = std::min(begins.size(), begins_of_last_.size());
    for (std::size_t i = 0; i < count; ++i) lists[i] = joined(begins_of_last_[i], begins[i]);
    learner->learn(std::span(lists).first(count));
  }
  before_ = std::exchange(last_, std::move(next));
  begins_of_last_.assign(begins.begin(), begins.end());
}

}  // namespace bantam::cpu
