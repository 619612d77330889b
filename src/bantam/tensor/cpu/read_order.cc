#include "bantam/tensor/cpu/read_order.h"

namespace bantam::cpu {
namespace {

template <class T>
void store_change(std::atomic<T>& kept, T value) {
  if (kept.load(std::memory_order_relaxed) != value) kept.store(value, std::memory_order_relaxed);
}

}  // namespace

void ReadNext::learn(std::span<const ReadAhead> by_thread) {
  for (std::size_t i = 0; i < begins_.size(); ++i) {
    const ReadAhead begin = i < by_thread.size() ? by_thread[i] : ReadAhead{};
    store_change(begins_[i].at, begin.at);
    store_change(begins_[i].bytes, begin.bytes);
    if (begin.bytes == 0) break;
  }
}

std::array<ReadAhead, ReadNext::kThreads> ReadNext::by_thread() const {
  std::array<ReadAhead, kThreads> out;
  for (std::size_t i = 0; i < begins_.size(); ++i) {
    out[i] = {begins_[i].at.load(std::memory_order_relaxed),
              begins_[i].bytes.load(std::memory_order_relaxed)};
    if (out[i].bytes == 0) break;
  }
  return out;
}

}  // namespace bantam::cpu
