// How a labelled row is written for a language model: what stands before the label, and the label
// itself.
#pragma once

#include <string>
#include <string_view>

#include "bantam/data/row.h"

namespace bantam {

/// {text}, {text_pair}, {label} and {meta.KEY} stand for the row's fields; {{ and }} are braces.
/// What is filled in is never read again as a template.
struct TaskTemplate {
  std::string prompt = "{text}\nLabel:";
  /// Ends with a character that no label contains, so that one knows where a written label stops.
  std::string answer = " {label}\n";
};

/// Throws Error(usage) on an unclosed brace or unknown field (naming the known ones), Error(input)
/// when the row lacks a meta field.
std::string fill_template(std::string_view pattern, const Row& row);

/// A chat template (Jinja) that asks what a row asks: the last message of a user is its text, that
/// of an assistant after it its label. "" where the task wants fields that a message does not have.
std::string chat_template_source(const TaskTemplate& task);

}  // namespace bantam
