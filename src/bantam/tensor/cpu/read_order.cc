#include "bantam/tensor/cpu/read_order.h"

#include <algorithm>

namespace bantam::cpu {

void ReadNext::learn(std::span<const ReadAhead> by_thread) {
  for (std::size_t i = 0; i < begins_.size(); ++i) {
    const ReadAhead begin = i < by_thread.size() ? by_thread[i] : ReadAhead{};
    begins_[i].at.store(begin.at, std::memory_order_relaxed);
    begins_[i].bytes.store(begin.bytes, std::memory_order_relaxed);
  }
}

std::array<ReadAhead, ReadNext::kThreads> ReadNext::by_thread() const {
  std::array<ReadAhead, kThreads> out;
  for (std::size_t i = 0; i < begins_.size(); ++i) {
    out[i] = {begins_[i].at.load(std::memory_order_relaxed),
              begins_[i].bytes.load(std::memory_order_relaxed)};
  }
  return out;
}

}  // namespace bantam::cpu
