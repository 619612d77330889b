// Every text of a row that a model would read or write: what tokenizers are trained and measured
// with.
#pragma once

#include <string_view>
#include <vector>

#include "bantam/data/row.h"

namespace bantam {

/// Views of the row, which must outlive them: text and pair, label, prompt and completion, contents
/// of turns. Empty ones are left out; a row of token ids has none.
std::vector<std::string_view> texts_of(const Row& row);

}  // namespace bantam
