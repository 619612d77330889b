#include "bantam/data/task_template.h"

#include <cstddef>
#include <optional>
#include <utility>

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

// Takes a pattern apart, in order: literal(text) for what stands for itself, field(name) for the
// rest.
template <class Literal, class Field>
void for_each_piece(std::string_view pattern, const Literal& literal, const Field& field) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const bool doubled = i + 1 < pattern.size() && pattern[i + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal(pattern.substr(i, 1));
      ++i;
    } else if (c == '{') {
      const std::size_t end = pattern.find('}', i);
      if (end == std::string_view::npos) {
        throw usage_error(
            "template: the brace at character {} is never closed; write {{{{ for a brace", i + 1);
      }
      field(pattern.substr(i + 1, end - i - 1));
      i = end;
    } else {
      literal(pattern.substr(i, 1));
    }
  }
}

// Text as a literal of Jinja.
std::string jinja_string(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    c == '\n' ? out += "\\n" : out += c;
  }
  return out + "'";
}

// What writes a pattern whose only field is `name`, filled with the content of a message; nothing
// where there are others.
std::optional<std::string> expression_of(std::string_view pattern, std::string_view name) {
  std::string text, expression;
  bool has_others = false;
  const auto end_text = [&] {
    if (!text.empty()) expression += "{{ " + jinja_string(std::exchange(text, {})) + " }}";
  };
  for_each_piece(
      pattern, [&](std::string_view literal) { text += literal; },
      [&](std::string_view field) {
        has_others = has_others || field != name;
        end_text();
        expression += "{{ message['content'] }}";
      });
  end_text();
  if (has_others) return std::nullopt;
  return expression;
}

}  // namespace

std::string fill_template(std::string_view pattern, const Row& row) {
  std::string filled;
  for_each_piece(
      pattern, [&](std::string_view literal) { filled += literal; },
      [&](std::string_view field) { filled += field_of(field, row); });
  return filled;
}

std::string chat_template_source(const TaskTemplate& task) {
  const auto prompt = expression_of(task.prompt, "text");
  const auto answer = expression_of(task.answer, "label");
  if (!prompt || !answer) return {};
  return "{%- for message in messages -%}"
         "{%- if message['role'] == 'user' and loop.index0 >= (messages | length) - 2 -%}" +
         *prompt + "{%- elif message['role'] == 'assistant' and loop.last -%}" + *answer +
         "{{ eos_token }}{%- endif -%}{%- endfor -%}";
}

}  // namespace bantam
