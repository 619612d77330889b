// Numbers for pairs of ids.
#pragma once

#include <cstdint>
#include <vector>

namespace bantam {

/// Gives each pair that is asked for the next number. Open addressing, at most half full: a lookup
/// is most of what learning merges does, and takes a quarter of the time of std::unordered_map.
class PairTable {
 public:
  std::uint32_t number_of(std::int32_t left, std::int32_t right) {
    const std::uint64_t pair =
        static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
    std::size_t slot = slot_of(pair);
    for (; slots_[slot] != 0; slot = (slot + 1) & mask_) {
      if (pairs_[slots_[slot] - 1] == pair) return slots_[slot] - 1;
    }
    pairs_.push_back(pair);
    slots_[slot] = static_cast<std::uint32_t>(pairs_.size());
    if (2 * pairs_.size() > mask_) grow();
    return static_cast<std::uint32_t>(pairs_.size() - 1);
  }
  std::size_t size() const { return pairs_.size(); }
  /// Left id in the upper half: pairs compare as their ids do.
  std::uint64_t pair(std::uint32_t number) const { return pairs_[number]; }

 private:
  std::size_t slot_of(std::uint64_t pair) const {
    return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ull) >> 32) & mask_;
  }
  void grow() {
    mask_ = 2 * mask_ + 1;
    slots_.assign(mask_ + 1, 0);
    for (std::size_t number = 0; number < pairs_.size(); ++number) {
      std::size_t slot = slot_of(pairs_[number]);
      while (slots_[slot] != 0) slot = (slot + 1) & mask_;
      slots_[slot] = static_cast<std::uint32_t>(number + 1);
    }
  }

  std::size_t mask_ = 0xFFF;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(mask_ + 1);  // number + 1, or 0
  std::vector<std::uint64_t> pairs_;
};

}  // namespace bantam
