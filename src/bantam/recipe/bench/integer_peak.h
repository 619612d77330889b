// How many products of bytes this CPU can form at most: the bound of answers, whose weights meet
// rounded activations in 8-bit integers (tensor/cpu/interleaved_weight.h).
#pragma once

#include <string>

#include "bantam/recipe/bench/spread.h"

namespace bantam {

struct IntegerPeak {
  std::string instructions;  ///< "vpmaddubsw + vpaddw, 256 bits"; empty where the CPU has none
  Spread rate;               ///< operations a second, two a multiplication; 0 without instructions
};

/// `threads` threads that each run the instructions of integer products on registers alone: neither
/// memory nor unpacking nor scales slow it down, so no product of integers is faster.
IntegerPeak measure_integer_peak(int threads, int repeat);

}  // namespace bantam
