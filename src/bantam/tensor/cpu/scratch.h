// Memory that a thread works in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bantam/tensor/allocator.h"

namespace bantam::cpu {

/// As much memory as was ever asked for; what is in it is lost when it grows. It begins at a cache
/// line, which rows of tiles must not straddle. Kept by a thread, it stays in that thread's cache;
/// fresh memory is fetched from afar, to be overwritten.
class Scratch {
 public:
  template <class T>
  T* at_least(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (size_ < bytes) block_ = TensorBlock(bytes), size_ = bytes;
    return reinterpret_cast<T*>(block_.data());
  }

 private:
  TensorBlock block_;
  std::size_t size_ = 0;
};

}  // namespace bantam::cpu
