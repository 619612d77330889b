// Benchmarks stop between two measurements when they are asked to.
#pragma once

#include "bantam/base/progress.h"

namespace bantam {

/// Throws Interrupted after SIGINT or SIGTERM.
inline void stop_if_interrupted() {
  if (const int signal = Interrupt::requested(); signal != 0) {
    throw Interrupted(signal, "the benchmark stopped; what was measured so far was left out");
  }
}

}  // namespace bantam
