#include "bantam/eval/repetition.h"

#include <array>
#include <set>

namespace bantam {

double repetition_rate(std::span<const std::int32_t> tokens) {
  constexpr std::size_t kGram = 4;
  if (tokens.size() <= kGram) return 0;
  std::set<std::array<std::int32_t, kGram>> seen;
  std::size_t repeated = 0;
  const std::size_t grams = tokens.size() - kGram + 1;
  for (std::size_t i = 0; i < grams; ++i) {
    if (!seen.insert({tokens[i], tokens[i + 1], tokens[i + 2], tokens[i + 3]}).second) ++repeated;
  }
  return static_cast<double>(repeated) / static_cast<double>(grams);
}

}  // namespace bantam
