#include "bantam/data/task_template.h"

#include "bantam/base/error.h"
#include "bantam/data/field_reader.h"

namespace bantam {
namespace {

std::string field_of(std::string_view name, const Row& row) {
  if (name == "text") return row.text;
  if (name == "text_pair") return row.text_pair;
  if (name == "label") return row.label;
  if (name == "prompt") return row.prompt;
  if (name.starts_with("meta.")) {
    const auto found = row.meta.find(name.substr(5));
    if (found == row.meta.end()) {
      throw input_error("{}: the template wants {{{}}}, which the row does not have", where_is(row),
                        escaped(name, 60));
    }
    return found->is_string() ? found->get<std::string>() : dump_json(*found);
  }
  throw usage_error(
      "template: unknown field {{{}}}; expected text, text_pair, label, prompt or meta.NAME",
      escaped(name, 60));
}

}  // namespace

std::string fill_template(std::string_view pattern, const Row& row) {
  std::string filled;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const bool doubled = i + 1 < pattern.size() && pattern[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      filled += c;
      ++i;
    } else if (c == '{') {
      const std::size_t end = pattern.find('}', i);
      if (end == std::string_view::npos) {
        throw usage_error(
            "template: the brace at character {} is never closed; write {{{{ for a brace", i + 1);
      }
      filled += field_of(pattern.substr(i + 1, end - i - 1), row);
      i = end;
    } else {
      filled += c;
    }
  }
  return filled;
}

}  // namespace bantam
