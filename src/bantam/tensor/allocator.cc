#include "bantam/tensor/allocator.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/tensor/tensor.h"

namespace bantam {
namespace {

constexpr std::size_t kAlignment = 64;
// Beyond this many idle bytes, freed blocks go straight back to the system.
constexpr std::size_t kCacheLimit = std::size_t{1} << 30;

// Sizes are rounded up to an eighth of their power of two: at most 12.5 % is wasted, and near sizes
// share blocks.
std::size_t size_class(std::size_t bytes) {
  if (bytes <= 512) return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 8, kAlignment);
  return (bytes + step - 1) / step * step;
}

class Cache {
 public:
  std::byte* take(std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      memory_.current += size;
      memory_.peak = std::max(memory_.peak, memory_.current);
      const auto found = idle_.find(size);
      if (found != idle_.end() && !found->second.empty()) {
        std::byte* block = found->second.back();
        found->second.pop_back();
        idle_bytes_ -= size;
        return block;
      }
    }
    auto* block = static_cast<std::byte*>(std::aligned_alloc(kAlignment, size));
    if (block == nullptr) {
      release();
      block = static_cast<std::byte*>(std::aligned_alloc(kAlignment, size));
    }
    if (block == nullptr) {
      const std::lock_guard lock(mutex_);
      memory_.current -= size;
      throw resource_error(
          "out of memory: a tensor needs {} bytes; {} are in use by tensors; use a smaller batch "
          "or model",
          with_commas(static_cast<std::int64_t>(size)),
          with_commas(static_cast<std::int64_t>(memory_.current)));
    }
    return block;
  }

  void give_back(std::byte* block, std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      memory_.current -= size;
      if (idle_bytes_ + size <= kCacheLimit) {
        idle_[size].push_back(block);
        idle_bytes_ += size;
        return;
      }
    }
    std::free(block);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, blocks] : idle_) {
      for (std::byte* block : blocks) std::free(block);
    }
    idle_.clear();
    idle_bytes_ = 0;
  }

  TensorMemory memory() {
    const std::lock_guard lock(mutex_);
    return memory_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    memory_.peak = memory_.current;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<std::byte*>> idle_;
  std::size_t idle_bytes_ = 0;
  TensorMemory memory_;
};

// Never destroyed: tensors with static lifetime may outlive any order of destruction.
Cache& cache() {
  static Cache& instance = *new Cache;
  return instance;
}

}  // namespace

std::shared_ptr<std::byte> allocate_tensor_memory(std::size_t bytes) {
  const std::size_t size = size_class(std::max<std::size_t>(bytes, 1));
  return {cache().take(size), [size](std::byte* block) { cache().give_back(block, size); }};
}

void release_cached_tensor_memory() { cache().release(); }

TensorMemory tensor_memory() { return cache().memory(); }

void reset_tensor_memory_peak() { cache().reset_peak(); }

}  // namespace bantam
