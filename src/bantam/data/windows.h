// Long token sequences cut into pieces a model can hold.
#pragma once

#include <cstddef>
#include <vector>

#include "bantam/data/example.h"

namespace bantam {

/// Pieces of at most `length` >= 2 tokens. Each but the first begins with the last token of the one
/// before, so that every token after the first is a target exactly once.
std::vector<Example> windows_of(const Example& example, std::size_t length);

}  // namespace bantam
