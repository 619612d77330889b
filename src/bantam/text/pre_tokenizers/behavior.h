// What becomes of the matches that a pre-tokenizer cuts at.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/aligned_text.h"
#include "bantam/text/pre_tokenizers/step.h"

namespace bantam {

/// On "a--b", cut at "-": isolated a|-|-|b, removed a|b, contiguous a|--|b, merged_with_previous
/// a-|-|b, merged_with_next a|-|-b.
enum class SplitBehavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };

/// The name in tokenizer.json, e.g. "MergedWithNext". Throws Error(input) beginning with `part`.
SplitBehavior split_behavior(const Json& value, std::string_view part);

/// Appends the pieces of `piece`. `matches` lie in it, in order. With `invert`, what lies between
/// them is the match.
void cut(Piece piece, std::span<const ByteRange> matches, SplitBehavior behavior, bool invert,
         std::vector<Piece>& out);

}  // namespace bantam
