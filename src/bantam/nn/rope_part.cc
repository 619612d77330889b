#include "bantam/nn/rope_part.h"

#include <cmath>

#include "bantam/tensor/ops/shape.h"

namespace bantam {

std::vector<double> RopePart::frequencies_at(std::int64_t length) const {
  if (switch_length == 0 || length <= switch_length) return frequencies;
  if (!long_frequencies.empty()) return long_frequencies;
  // Base' = base (factor length / trained - (factor - 1))^(E / (E - 2)).
  const auto width = 2 * static_cast<double>(frequencies.size());
  const double stretch =
      dynamic_factor * static_cast<double>(length) / static_cast<double>(switch_length) -
      (dynamic_factor - 1);
  return rope_frequencies(static_cast<int>(width), theta * std::pow(stretch, width / (width - 2)));
}

bool RopePart::turns_alike(std::int64_t length, std::int64_t other) const {
  if (switch_length == 0 || length == other) return true;
  const bool is_long = length > switch_length, other_is_long = other > switch_length;
  return is_long == other_is_long && (!is_long || !long_frequencies.empty());
}

bool RopePart::keys_stay(std::int64_t from, std::int64_t to) const {
  return long_frequencies.empty() || turns_alike(from, to);
}

RopeTable RopePart::table(const AttentionPlan& plan) const {
  const std::int64_t tokens = plan.tokens();
  const std::span<const std::int32_t> positions = plan.positions;
  if (switch_length == 0) {
    return rope_table(Tensor::from(positions, {tokens}), frequencies, magnitude);
  }
  std::vector<Tensor> cosines, sines;  // one part for each run of tokens of equal length
  for (std::size_t begin = 0; begin < positions.size();) {
    std::size_t end = begin + 1;
    while (end < positions.size() && plan.lengths[end] == plan.lengths[begin]) ++end;
    const auto run = positions.subspan(begin, end - begin);
    const RopeTable part = rope_table(Tensor::from(run, {std::ssize(run)}),
                                      frequencies_at(plan.lengths[begin]), magnitude);
    cosines.push_back(part.cosine);
    sines.push_back(part.sine);
    begin = end;
  }
  if (cosines.size() == 1) return {cosines[0], sines[0]};
  return {concatenate(cosines, 0), concatenate(sines, 0)};
}

}  // namespace bantam
