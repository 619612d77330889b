// Memory of this process, as the kernel counts it.
#pragma once

#include <cstdint>

namespace bantam {

/// Largest resident size so far, in bytes.
std::uint64_t peak_process_memory();

}  // namespace bantam
