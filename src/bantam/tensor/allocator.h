// Memory of tensors: 64-byte aligned, recycled by size, counted.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace bantam {

/// A block of memory that returns to the cache when its owner goes. Training allocates the same
/// sizes at every step; recycling them saves the kernel's zeroing of fresh pages, which costs more
/// than many of the ops that fill them.
class TensorBlock {
 public:
  TensorBlock() = default;
  /// At least `bytes` bytes. Throws Error(resources) naming the size.
  explicit TensorBlock(std::size_t bytes);
  TensorBlock(TensorBlock&& other) noexcept { *this = std::move(other); }
  TensorBlock& operator=(TensorBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(asked_, other.asked_);
    return *this;
  }
  ~TensorBlock();

  std::byte* data() const { return data_; }
  /// Makes room for `bytes` bytes; what there is stays, though it may move. Throws as the
  /// constructor does, and nothing has changed then.
  void grow(std::size_t bytes);

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, asked_ = 0;
};

/// The same with shared owners.
std::shared_ptr<std::byte> allocate_tensor_memory(std::size_t bytes);

/// The same for what stays as long as a model does, such as its weights in another order: pieces of
/// large blocks on huge pages, so that hundreds of weights are first written with few page faults
/// and read with few misses of the address cache. A large block returns when all its pieces did.
std::shared_ptr<std::byte> allocate_lasting_memory(std::size_t bytes);

/// Asks for huge pages under memory of a tensor that is not written yet, and that will be read from
/// end to end again and again: fewer misses of the address cache, and the hardware, which looks
/// ahead within a page, looks further. Memory of less than a few pages stays as it is.
void prefer_huge_pages(std::byte* memory, std::size_t bytes);

/// Gives cached blocks back to the system; what is in use now is the new measure of how many may
/// wait.
void release_cached_tensor_memory();

}  // namespace bantam
