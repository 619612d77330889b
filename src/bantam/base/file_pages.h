// Memory that mapped files (MappedFile) hold.
#pragma once

#include <cstddef>

namespace bantam {

/// Lets the whole pages of a part of a mapped file leave this process: for bytes that are not
/// likely to be read again. They come back from the file when they are. Memory that is no
/// MappedFile's is left alone. Safe to call from several threads.
void forget_file_pages(const std::byte* data, std::size_t size);

}  // namespace bantam
