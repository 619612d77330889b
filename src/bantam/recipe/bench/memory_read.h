// How fast this machine reads memory: the bound of decoding, which reads every weight for every
// token.
#pragma once

#include <cstdint>

#include "bantam/recipe/bench/spread.h"

namespace bantam {

/// Bytes a second of `threads` threads that each read their own part of `bytes` in order, again and
/// again. Choose `bytes` as what the work in question reads at a time: what fits a cache is read
/// from there. Throws Error(resources) when there is no such memory.
Spread measure_memory_read(std::uint64_t bytes, int threads, int repeat);

}  // namespace bantam
