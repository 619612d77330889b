// Memory of this process, as the kernel counts it.
#pragma once

#include <cstdint>

namespace bantam {

/// Largest resident size since the start, or since the last reset, in bytes. Pages of mapped files
/// count.
std::uint64_t peak_process_memory();
/// Begins a new peak at what is resident now. Without /proc nothing happens.
void reset_peak_process_memory();
/// Resident now, in bytes; 0 when it cannot be told.
std::uint64_t resident_process_memory();

}  // namespace bantam
