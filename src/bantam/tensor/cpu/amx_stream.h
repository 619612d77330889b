// Products of a thread's rows with one panel of a weight after the other, in tiles. Tiles multiply
// beside vectors: while a panel is multiplied the next one is opened, and something is made of the
// sums that rows before left.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/interleaved_weight.h"

namespace bantam::cpu {

/// Some pairs of tiles of a weight, or of two of one type that meet the same rows, and some groups
/// along the sum.
struct StreamProduct {
  std::array<const InterleavedWeight*, 2> weights;  ///< the second may be null
  std::int64_t first_pair, last_pair, begin, end;

  static StreamProduct of_all(const InterleavedWeight& weight) {
    return {{&weight, nullptr}, 0, amx_pairs(weight.rows), 0, weight.width / kAmxDepth};
  }
  std::int64_t weights_count() const { return weights[1] == nullptr ? 1 : 2; }
  std::int64_t groups() const { return end - begin; }
};

/// What is made of sums.
struct StreamOutput {
  /// out = sums, out = base + sums, or rows of the next product: silu(sums of the first weight) *
  /// sums of the second. Sums that products with other groups are to be added to just stay.
  enum class Kind { copy, add, gate, stay } kind;
  float* out = nullptr;         ///< [rows, width]
  const float* base = nullptr;  ///< the same; may be out
  std::int64_t width = 0;
  AmxRows rows{};
  /// [whole pairs of blocks of rows, whole pairs of tiles of columns]: where the sums of products
  /// with some groups after the other are added up; null when one has all groups.
  float* sums = nullptr;
};

struct SideWork;  // amx_stream.cc

class PanelStream {
 public:
  /// Opens the first panel, a pair of tiles.
  explicit PanelStream(std::vector<StreamProduct> products);
  ~PanelStream();
  PanelStream(const PanelStream&) = delete;
  PanelStream& operator=(const PanelStream&) = delete;

  /// Multiplies x, which has the groups of the next product alone.
  void multiply(const AmxRows& x, const StreamOutput& output);

 private:
  void begin_opening();
  void multiply_panel(const AmxRows& x, const StreamOutput& output);

  struct Panel {
    std::size_t product;
    std::int64_t pair;
  };
  std::vector<StreamProduct> products_;
  std::vector<Panel> panels_;
  std::size_t next_ = 0;                   // panel
  std::vector<const std::byte*> opening_;  // tiles of the panel that is opened
  std::unique_ptr<SideWork> side_;
};

}  // namespace bantam::cpu
