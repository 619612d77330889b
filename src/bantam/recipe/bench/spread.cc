#include "bantam/recipe/bench/spread.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/stats/quantile.h"

namespace bantam {

Spread spread_of(std::vector<double> samples) {
  if (samples.empty()) throw internal_error("bench: a spread of no measurements");
  std::ranges::sort(samples);
  return {quantile_of_sorted(samples, 0.5), samples.front(), samples.back(),
          static_cast<int>(samples.size())};
}

}  // namespace bantam
