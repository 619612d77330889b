// How threads share the tiles of weights that meet the same x: in portions of a list of bytes, all
// tiles of one weight after those of another.
//
// Each thread has a share of the list and takes its portions in order. The last ones of a share
// halve: whoever ends first helps the others with theirs, and the less a portion is, the sooner
// they end after each other.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bantam/base/threads.h"

namespace bantam::cpu {

class WeightPortions {
 public:
  /// As many shares as a loop has over count() chunks.
  explicit WeightPortions(std::int64_t bytes, std::int64_t shares = loop_shares())
      : shares_(shares),
        bytes_(bytes),
        tail_(std::min(bytes / shares, kLargest)),
        large_((bytes / shares - tail_ + kLargest - 1) / kLargest) {}

  std::int64_t count() const { return shares_ * of_share(); }
  std::int64_t of_share() const { return large_ + kHalvings + 1; }

  /// Portion i has the bytes from begin(i) to begin(i + 1), of which there may be none.
  std::int64_t begin(std::int64_t portion) const {
    const std::int64_t share = portion / of_share(), i = portion % of_share();
    const std::int64_t first = bytes_ * share / shares_;
    if (i == 0) return first;
    const std::int64_t last = bytes_ * (share + 1) / shares_;
    return i < large_ ? first + (last - tail_ - first) * i / large_
                      : last - (tail_ >> (i - large_));
  }

 private:
  static constexpr std::int64_t kLargest = 48 << 10;  // enough to read in order for a while
  static constexpr int kHalvings = 4;

  std::int64_t shares_, bytes_, tail_, large_;
};

}  // namespace bantam::cpu
