// The order in which weights are read: a model reads them alike for every token, so what followed a
// weight the last time tells threads that wait what to bring near. While one thread computes what
// lies between two products, the others would leave memory idle.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bantam/base/threads.h"

namespace bantam::cpu {

/// What helpers read after a weight. Threads may learn and ask at once; what is out of date costs a
/// few reads.
class ReadNext {
 public:
  static constexpr int kHelpers = 15;  ///< those above get no hint

  /// list i is that of helper i; at most kHelpers of them.
  void learn(std::span<const ReadAhead> lists);
  void tell(std::span<ReadAhead> lists) const;

 private:
  // Weights stream through the caches, so that each line that is touched here comes from memory:
  // one a helper, and it is written only when it changes.
  struct alignas(64) List {
    struct Part {
      std::atomic<const void*> at = nullptr;
      std::atomic<std::int64_t> bytes = 0;
    };
    std::array<Part, ReadAhead::kParts> parts;
  };
  std::array<List, kHelpers> lists_;
};

/// The products of one caller, in order. Each weight learns what the two after it began with, for a
/// helper soon has its share of a small one.
class ReadOrder {
 public:
  /// More than a helper has time for would push out of its cache what it needs.
  static constexpr std::int64_t kMostBytes = 256 << 10;

  /// The next product: what its weight will know, and what helpers read of it first.
  void add(std::shared_ptr<ReadNext> next, std::span<const ReadAhead> begins);

 private:
  std::weak_ptr<ReadNext> last_, before_;
  std::vector<ReadAhead> begins_of_last_;
};

}  // namespace bantam::cpu
