#include "bantam/nn/disentangled_part.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace bantam {
namespace {

// The bucket of how far a query stands behind its key, of the same sign. In f32, as the reference:
// where buckets begin depends on rounding.
std::int64_t bucket_of(std::int64_t distance, std::int64_t buckets, std::int64_t max_distance) {
  const std::int64_t half = buckets / 2, size = std::abs(distance);
  if (size <= half) return distance;
  const auto middle = static_cast<float>(half);
  const float farthest = std::log(static_cast<float>(max_distance - 1) / middle);
  const float share = std::log(static_cast<float>(size) / middle) / farthest;
  const auto bucket = static_cast<std::int64_t>(std::ceil(share * static_cast<float>(half - 1)));
  return distance < 0 ? -(bucket + half) : bucket + half;
}

}  // namespace

std::vector<std::int32_t> DisentangledPart::rows() const {
  std::vector<std::int32_t> list;
  for (std::int64_t to_key = -max_distance; to_key <= max_distance; ++to_key) {
    const std::int64_t bucket = buckets > 0 ? bucket_of(-to_key, buckets, max_distance) : -to_key;
    const std::int64_t row = std::clamp<std::int64_t>(bucket + span(), 0, 2 * span() - 1);
    list.push_back(static_cast<std::int32_t>(row));
  }
  return list;
}

}  // namespace bantam
