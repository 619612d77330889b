// From the fields of a JSON object to a Row: which kind it is, which aliases mean what.
//
// Aliases are read and never written: instruction (+ input, system, history) / output of Alpaca,
// conversations of ShareGPT, question/answer, input/target, input/output, source/target,
// prompt/response, instruction/response; premise/hypothesis and sentence1/sentence2, with or
// without a label; query/response or sentence beside a label; ner_tags for tags; content for plain
// text.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/data/row.h"

namespace bantam {

struct RowOptions {
  std::vector<std::pair<std::string, std::string>>
      map;  ///< rename field first to second before anything else
  std::optional<Row::Kind>
      task;  ///< what the rows are for; unset recognizes each row by its fields
  bool require_answers =
      true;  ///< false: label and completion may be missing (they are what is asked for)
  std::string group_by;  ///< field (or "meta.KEY") whose value becomes Row::group; "" uses the
                         ///< field "group"
};

/// "instruction=prompt" -> a pair for RowOptions::map. Throws Error(usage).
std::pair<std::string, std::string> parse_field_map(std::string_view text);

/// Throws Error(input) naming the field, the type found and what was expected; the caller adds file
/// and line. Fills everything but origin, and id only when the row has one.
Row row_from_json(Json object, const RowOptions& options = {});

}  // namespace bantam
