// How many products of bf16 this CPU's matrix tiles (AMX) can form at most: the bound of passages
// and of training on it.
#pragma once

#include "bantam/recipe/bench/spread.h"

namespace bantam {

/// Operations a second, two a multiplication, of `threads` threads that multiply tiles which stay
/// in a first-level cache; 0 where the CPU has no AMX.
Spread measure_tile_peak(int threads, int repeat);

}  // namespace bantam
