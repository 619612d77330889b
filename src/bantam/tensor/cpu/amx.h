// Products of matrix tiles by AMX, an instruction set of Intel's server CPUs. amx_instructions.h
// has its instructions.
#pragma once

#include <cstdint>

namespace bantam::cpu {

/// A tile holds 16 rows, each of them 32 neighbors along the sum; one instruction multiplies two.
constexpr int kAmxRows = 16, kAmxDepth = 32;
constexpr int kAmxTile = kAmxRows * kAmxDepth;  ///< elements

/// True where the CPU multiplies tiles of bf16 and the system lets this process use them.
bool has_amx();

/// While alive, this thread can multiply tiles; has_amx() must hold. Other threads see what
/// FarProducts wrote when it is gone.
class AmxThread {
 public:
  AmxThread();
  ~AmxThread();
  AmxThread(const AmxThread&) = delete;
  AmxThread& operator=(const AmxThread&) = delete;

  /// Two lists of tiles for each factor, in bf16. A tile of x is [16 rows][32 neighbors]; one of y
  /// is [16 pairs of neighbors][16 rows][2].
  struct Factors {
    const std::uint16_t *x[2], *y[2];
    std::int64_t tiles;  ///< of each list
  };
  /// So many groups of one factor, 36 KiB, stay in a first-level cache of 48 KiB while those of the
  /// other stream by, loaded past it. With more, tiles wait for the second-level cache.
  static constexpr std::int64_t kTilesKept = 18;
  /// Factors, and where their product goes or is added: sums [32, 32], rows `stride` floats apart.
  struct Product {
    Factors factors;
    bool accumulate;
    float* sums;
    std::int64_t stride;
  };
  /// sums [32, 32] = x yᵀ, rows `stride` floats apart; added to what they are when `accumulate`. A
  /// sum adds up pairs in their order, so its bits do not depend on the other rows.
  void multiply(const Factors& factors, bool accumulate, float* sums, std::int64_t stride) const;
};

/// Products that go to memory neither near nor read soon, on a thread that can multiply tiles.
/// Their sums are copied past the caches, a few rows beside each tile of the next product: copied
/// at once, they would keep its tiles waiting.
class FarProducts {
 public:
  explicit FarProducts(const AmxThread&) {}
  ~FarProducts();
  FarProducts(const FarProducts&) = delete;
  FarProducts& operator=(const FarProducts&) = delete;

  /// out [32, 32] = x yᵀ, rows `stride` floats apart, which begin at cache lines (kAlignment). They
  /// are there after the next product, or at the end.
  void multiply(const AmxThread::Factors& factors, float* out, std::int64_t stride);
  static constexpr std::int64_t kAlignment = 64;  ///< bytes

 private:
  static constexpr std::int64_t kRows = 2 * kAmxRows;
  struct Sums {
    const float* sums;
    float* out;
    std::int64_t stride;
  };

  // Copies rows row … last of the product before and returns the next.
  std::int64_t copy_before(std::int64_t row, std::int64_t last);

  alignas(kAlignment) float sums_[2][kRows * kRows];
  Sums before_{};
};

}  // namespace bantam::cpu
