// A row with labelled parts as its words and their tags: one form for spans of characters and for
// CoNLL's words.
#pragma once

#include <string>
#include <vector>

#include "bantam/data/dataset.h"
#include "bantam/data/row.h"
#include "bantam/text/aligned_text.h"

namespace bantam {

/// Where the words of row.text are, in bytes: as the row gives them, else words_of() (word_tags.h).
std::vector<ByteRange> words_of(const Row& row);

struct TaggedText {
  std::vector<ByteRange> words;
  std::vector<std::string> tags;  ///< one a word
  bool was_widened = false;       ///< a span began or ended inside a word: it has the whole word
};

/// Of a row of kind spans. Throws Error(input) naming the row for spans that share a word, of which
/// tags can tell one only.
TaggedText tagged_text(const Row& row);

/// The tags of all rows in alphabetical order: those that rows give, and of each label of spans B-,
/// I- and O.
std::vector<std::string> tags_of(const Dataset& rows);

}  // namespace bantam
