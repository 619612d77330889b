// Checks a vocabulary from a stranger's file.
#pragma once

#include "bantam/text/vocabulary.h"

namespace bantam {

/// Throws Error(input) naming the entry that is wrong. Fills what may be left out: types, the JSON
/// of the pre-tokenizer and normalizer. Makes "<|...|>" tokens that a file calls user-defined
/// control tokens.
void check_vocabulary(Vocabulary& vocabulary);

/// Whether texts are cut into all tokens, and all pieces have one: what require_two_way() demands.
bool is_two_way(const Vocabulary& vocabulary);

}  // namespace bantam
