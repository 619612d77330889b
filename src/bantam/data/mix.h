// Several sources in fixed proportions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bantam/data/row.h"

namespace bantam {

struct MixOptions {
  std::int64_t rows =
      0;  ///< of the mixture; 0: as many as the proportions allow without repeating a row
  std::uint64_t seed = 1234;
};

/// Row counts of each source for the given weights: proportional, rounded so that they sum to the
/// whole. With rows = 0 the source that runs out first sets the size. Throws Error(usage) on
/// weights that are not positive and on an empty source.
std::vector<std::int64_t> mixture_counts(std::span<const std::int64_t> sizes,
                                         std::span<const double> weights, std::int64_t rows = 0);

/// Draws each source's share in a seeded order, going round again only when `rows` asks for more
/// than it has (the copies' ids end in "~2", "~3"), and shuffles the whole.
std::vector<Row> mix(std::vector<std::vector<Row>> sources, std::span<const double> weights,
                     const MixOptions& options = {});

}  // namespace bantam
