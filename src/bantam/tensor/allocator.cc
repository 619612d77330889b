// Freed blocks wait, by size, for the next tensor of their size; a large tensor also takes a
// waiting block of up to twice its size, since rows of text make every training step a little
// different and fresh pages cost more than many of the ops that fill them. How many may wait
// follows from what was ever in use: blocks in use and idle ones together stay near the largest use
// so far, so that a process takes what its work needs and hardly more.
// What would be too much then gives its pages to the new block, or goes back to the system.
#include "bantam/tensor/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/tensor/tensor.h"

namespace bantam {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMebibyte = std::size_t{1} << 20;
// From here on blocks are mapped: given back, they really leave the process, which malloc's heap
// does not promise.
constexpr std::size_t kMapped = kMebibyte / 8;
// Huge pages from here on: a large block is filled with fewer faults, and at most an eighth of it
// is rounding.
constexpr std::size_t kHugePages = 16 * kMebibyte;
// Idle blocks beyond the largest use so far: an eighth of it and this.
constexpr std::size_t kSpare = 4 * kMebibyte;

// Sizes are rounded up to an eighth of their power of two: at most 12.5 % is wasted, and near sizes
// share blocks.
std::size_t size_class(std::size_t bytes) {
  if (bytes <= 512) return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 8, kAlignment);
  return (bytes + step - 1) / step * step;
}

// The number of a size below kMapped among the sizes of blocks, in their order.
constexpr std::size_t index_of(std::size_t size) {
  if (size <= 512) return size / kAlignment;
  const auto power = static_cast<std::size_t>(std::bit_width(size)) - 1;
  return (power - 8) * 8 + (size >> (power - 3)) - 8;
}
constexpr std::size_t size_at(std::size_t index) {
  return index <= 8 ? index * kAlignment : (8 + index % 8) << (5 + index / 8);
}
static_assert(index_of(512) == 8 && size_at(8) == 512 && index_of(576) == 9 && size_at(9) == 576);
static_assert(index_of(kMapped - kMapped / 16) == index_of(kMapped) - 1);

// Blocks of one size; the first bytes of each point to the next, so that keeping one takes no
// memory.
class BlockList {
 public:
  bool empty() const { return first_ == nullptr; }
  void push(std::byte* block) {
    std::memcpy(block, &first_, sizeof first_);
    first_ = block;
  }
  std::byte* pop() {
    std::byte* const block = first_;
    std::memcpy(&first_, block, sizeof first_);
    return block;
  }

 private:
  std::byte* first_ = nullptr;
};

std::byte* new_block(std::size_t size) {
  if (size < kMapped) return static_cast<std::byte*>(std::aligned_alloc(kAlignment, size));
  void* block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return nullptr;
  if (size >= kHugePages) ::madvise(block, size, MADV_HUGEPAGE);  // a wish: refusal is no harm
  return static_cast<std::byte*>(block);
}

// A mapped block as one of another size, with what it holds as far as that goes: pages that it has
// move with it, which costs less than giving them back and clearing others. Null, and the block as
// it was, where that cannot be.
std::byte* resized_block(std::byte* block, std::size_t before, std::size_t size) {
#ifdef MREMAP_MAYMOVE
  void* moved = ::mremap(block, before, size, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return nullptr;
  if (size >= kHugePages) ::madvise(moved, size, MADV_HUGEPAGE);
  return static_cast<std::byte*>(moved);
#else
  return nullptr;
#endif
}

void free_block(std::byte* block, std::size_t size) {
  if (size < kMapped) {
    std::free(block);
  } else {
    ::munmap(block, size);
  }
}

class Cache {
  using Large = std::map<std::size_t, std::vector<std::byte*>>;  // by size; no list is empty

 public:
  struct Taken {
    std::byte* block;
    std::size_t size;  // of the block, at least what was asked for
  };

  Taken take(std::size_t size) {
    Blocks surplus;
    Taken smaller{nullptr, 0};
    {
      const std::lock_guard lock(mutex_);
      memory_.current += size;
      memory_.peak = std::max(memory_.peak, memory_.current);
      if (const Taken taken = take_waiting(size); taken.block != nullptr) {
        idle_bytes_ -= taken.size;
        add_used(taken.size);
        return taken;
      }
      add_used(size);
      if (surplus_bytes() > 0) smaller = take_smaller(size);
      surplus = take_idle(surplus_bytes());
    }
    surplus.free();
    std::byte* block = new_or_grown(smaller, size);
    if (block == nullptr) {
      release();
      block = new_block(size);
    }
    if (block == nullptr) throw_out_of_memory(size, {size, size});
    return {block, size};
  }

  /// A block of at least `size` bytes that begins with what one in use holds, in its place; `asked`
  /// was taken as.
  Taken grow(Taken taken, std::size_t asked, std::size_t size) {
    Blocks surplus;
    const std::size_t more = size > taken.size ? size - taken.size : 0;
    {
      const std::lock_guard lock(mutex_);
      memory_.current += size - asked;
      memory_.peak = std::max(memory_.peak, memory_.current);
      add_used(more);
      surplus = take_idle(surplus_bytes());
    }
    surplus.free();
    if (more == 0) return taken;
    std::byte* block = larger_block(taken, size);
    if (block == nullptr) {
      release();
      block = larger_block(taken, size);
    }
    if (block == nullptr) throw_out_of_memory(size, {size - asked, more});
    return {block, size};
  }

  /// `asked`: the size that take() was given.
  void give_back(Taken taken, std::size_t asked) {
    const std::lock_guard lock(mutex_);
    memory_.current -= asked;
    used_ -= taken.size;
    if (taken.size < kMapped) {
      small_[index_of(taken.size)].push(taken.block);
    } else {
      large_[taken.size].push_back(taken.block);
    }
    idle_bytes_ += taken.size;
  }

  void release() {
    Blocks all;
    {
      const std::lock_guard lock(mutex_);
      all = take_idle(idle_bytes_);
      most_used_ = used_;
    }
    all.free();
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
  // A smaller block with its pages, if there is one.
  static std::byte* new_or_grown(Taken smaller, std::size_t size) {
    if (smaller.block == nullptr) return new_block(size);
    std::byte* const grown = resized_block(smaller.block, smaller.size, size);
    if (grown != nullptr) return grown;
    free_block(smaller.block, smaller.size);
    return new_block(size);
  }

  // A block as one of a larger size; null, and the block as it was, if there is none.
  static std::byte* larger_block(Taken taken, std::size_t size) {
    if (taken.size >= kMapped) {
      if (std::byte* const moved = resized_block(taken.block, taken.size, size)) return moved;
    }
    std::byte* const larger = new_block(size);
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, taken.block, taken.size);
    free_block(taken.block, taken.size);
    return larger;
  }

  // Blocks on their way back to the system, freed when the lock is left.
  struct Blocks {
    std::vector<std::pair<std::byte*, std::size_t>> list;
    void free() {
      for (const auto& [block, size] : list) free_block(block, size);
    }
  };

  // A small block of just this size, or a large one of up to twice as much; null if there is none.
  Taken take_waiting(std::size_t size) {
    if (size < kMapped) {
      BlockList& list = small_[index_of(size)];
      return {list.empty() ? nullptr : list.pop(), size};
    }
    const auto found = large_.lower_bound(size);
    if (found == large_.end() || found->first > 2 * size) return {nullptr, size};
    return pop_large(found);
  }

  Taken pop_large(Large::iterator at) {
    const Taken taken{at->second.back(), at->first};
    at->second.pop_back();
    if (at->second.empty()) large_.erase(at);
    return taken;
  }

  void add_used(std::size_t size) {
    used_ += size;
    most_used_ = std::max(most_used_, used_);
  }

  // The largest waiting block below a size, if both are mapped.
  Taken take_smaller(std::size_t size) {
    const auto above = large_.lower_bound(size);
    if (size < kMapped || above == large_.begin()) return {nullptr, 0};
    const Taken taken = pop_large(std::prev(above));
    idle_bytes_ -= taken.size;
    return taken;
  }

  std::size_t surplus_bytes() const {
    const std::size_t limit = most_used_ + most_used_ / 8 + kSpare;
    const std::size_t held = used_ + idle_bytes_;
    return held > limit ? held - limit : 0;
  }

  // The smallest block that is enough, or the largest ones: few calls of the system, and hardly
  // more than has to go.
  Blocks take_idle(std::size_t bytes) {
    Blocks out;
    std::size_t taken = 0;
    const auto take_one = [&](Taken block) {
      out.list.emplace_back(block.block, block.size);
      taken += block.size;
    };
    while (taken < bytes && !large_.empty()) {
      const auto enough = large_.lower_bound(bytes - taken);
      take_one(pop_large(enough == large_.end() ? std::prev(enough) : enough));
    }
    for (std::size_t i = small_.size(); taken < bytes && i-- > 0;) {
      while (taken < bytes && !small_[i].empty()) take_one({small_[i].pop(), size_at(i)});
    }
    idle_bytes_ -= taken;
    return out;
  }

  // What was counted for a block before it was there.
  struct Counted {
    std::size_t asked, used;
  };

  [[noreturn]] void throw_out_of_memory(std::size_t size, Counted counted) {
    const std::lock_guard lock(mutex_);
    memory_.current -= counted.asked;
    used_ -= counted.used;
    most_used_ = used_;
    throw resource_error(
        "out of memory: a tensor needs {} bytes; {} are in use by tensors; use a smaller batch "
        "or model",
        with_commas(static_cast<std::int64_t>(size)),
        with_commas(static_cast<std::int64_t>(memory_.current)));
  }

  std::mutex mutex_;
  std::array<BlockList, index_of(kMapped)> small_;
  Large large_;
  std::size_t idle_bytes_ = 0;
  std::size_t used_ = 0;       // bytes of the blocks in use
  std::size_t most_used_ = 0;  // since the last release()
  TensorMemory memory_;
};

// Never destroyed: tensors with static lifetime may outlive any order of destruction.
Cache& cache() {
  static Cache& instance = *new Cache;
  return instance;
}

// The large block that lasting memory is cut from, for as long as a piece of it is in use.
class LastingBlock {
 public:
  std::shared_ptr<std::byte> take(std::size_t bytes) {
    const std::size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (size > kHugePages / 4) return allocate_tensor_memory(bytes);
    const std::lock_guard lock(mutex_);
    std::shared_ptr<std::byte> block = block_.lock();
    if (block == nullptr || size > kHugePages - used_) {
      block = allocate_tensor_memory(kHugePages);
      block_ = block;
      used_ = 0;
    }
    std::byte* const piece = block.get() + used_;
    used_ += size;
    return {std::move(block), piece};
  }

 private:
  std::mutex mutex_;
  std::weak_ptr<std::byte> block_;
  std::size_t used_ = 0;  // bytes of it that were given out
};

LastingBlock& lasting_block() {
  static LastingBlock& instance = *new LastingBlock;
  return instance;
}

}  // namespace

std::shared_ptr<std::byte> allocate_lasting_memory(std::size_t bytes) {
  return lasting_block().take(bytes);
}

TensorBlock::TensorBlock(std::size_t bytes) : asked_(size_class(std::max<std::size_t>(bytes, 1))) {
  const Cache::Taken taken = cache().take(asked_);
  data_ = taken.block, size_ = taken.size;
}

TensorBlock::~TensorBlock() {
  if (data_ != nullptr) cache().give_back({data_, size_}, asked_);
}

void TensorBlock::grow(std::size_t bytes) {
  const std::size_t asked = size_class(std::max<std::size_t>(bytes, 1));
  if (asked <= asked_) return;
  const Cache::Taken taken = cache().grow({data_, size_}, asked_, asked);
  data_ = taken.block, size_ = taken.size, asked_ = asked;
}

std::shared_ptr<std::byte> allocate_tensor_memory(std::size_t bytes) {
  const auto block = std::make_shared<TensorBlock>(bytes);
  return {block, block->data()};
}

void prefer_huge_pages(std::byte* memory, std::size_t bytes) {
  constexpr std::size_t kPage = 4096, kWorthIt = 2 * kMebibyte;
  if (bytes < kWorthIt) return;
  const std::size_t before = (kPage - std::bit_cast<std::uintptr_t>(memory) % kPage) % kPage;
  ::madvise(memory + before, (bytes - before) / kPage * kPage, MADV_HUGEPAGE);  // a wish, as above
}

void release_cached_tensor_memory() { cache().release(); }

TensorMemory tensor_memory() { return cache().memory(); }

void reset_tensor_memory_peak() { cache().reset_peak(); }

}  // namespace bantam
