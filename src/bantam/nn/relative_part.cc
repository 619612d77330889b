#include "bantam/nn/relative_part.h"

#include <algorithm>
#include <cmath>

namespace bantam {
namespace {

// The bucket of a distance of 0 or more. In f32, as the reference: where buckets begin depends on
// rounding.
std::int32_t one_sided_bucket(std::int64_t distance, std::int64_t buckets,
                              std::int64_t max_distance) {
  const std::int64_t exact = buckets / 2;
  if (distance < exact) return static_cast<std::int32_t>(distance);
  const auto span =
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const float share = std::log(static_cast<float>(distance) / static_cast<float>(exact)) / span;
  const auto step = static_cast<std::int64_t>(share * static_cast<float>(buckets - exact));
  return static_cast<std::int32_t>(std::min(exact + step, buckets - 1));
}

}  // namespace

std::vector<std::int32_t> RelativePart::bucket_list(bool bidirectional) const {
  const std::int64_t side = bidirectional ? buckets / 2 : buckets;
  std::vector<std::int32_t> list;
  for (std::int64_t distance = -max_distance; distance <= max_distance; ++distance) {
    const bool is_ahead = distance > 0;
    if (is_ahead && !bidirectional) break;
    const std::int32_t bucket = one_sided_bucket(std::abs(distance), side, max_distance);
    list.push_back(bucket + (is_ahead ? static_cast<std::int32_t>(side) : 0));
  }
  return list;
}

RelativeBias RelativePart::bias(bool bidirectional, const AttentionPlan& plan) const {
  RelativeBias bias;
  bias.buckets = bucket_list(bidirectional);
  bias.least_distance = -static_cast<std::int32_t>(max_distance);
  bias.query_positions = bias.key_positions = plan.positions;
  return bias;
}

}  // namespace bantam
