// Texts as encoders read them, made ready: short enough, and in the order in which they are cheap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bantam/text/tokenizer.h"

namespace bantam {

/// Takes tokens from the end of the text, of a pair from the end of the longer one each time, until
/// `longest` are left or none but special ones. Returns whether any went.
bool shorten(ModelInput& input, std::int64_t longest);

/// Places of the inputs, longest first: the memory of the first pass serves all that follow.
std::vector<std::size_t> longest_first(std::span<const ModelInput> inputs);

}  // namespace bantam
