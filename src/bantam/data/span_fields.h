// The fields of rows with labelled parts: text and spans, or tokens and tags (ner_tags).
#pragma once

#include "bantam/data/field_reader.h"
#include "bantam/data/row.h"

namespace bantam {

/// Words of a text in a list. A field "tokens" may be anything else.
bool is_word_list(const FieldReader& fields);
/// Words in a list, and a tag for each.
bool has_tags(const FieldReader& fields);
/// A field "spans" may be anything; labelled parts of a text are objects.
bool is_span_list(const FieldReader& fields);

// These throw Error(input) naming the field and its place, what was expected and found.

/// row.words, and row.text: the words with spaces between them.
void fill_words(Row& row, const Json& words);
/// The words and tags, or text and spans, of a row. Without `require_spans` a text may have none.
void fill_spans(Row& row, FieldReader& fields, bool require_spans);

}  // namespace bantam
