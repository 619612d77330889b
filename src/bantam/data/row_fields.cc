#include "bantam/data/row_fields.h"

#include <array>
#include <cmath>
#include <limits>

#include "bantam/base/error.h"
#include "bantam/data/conversation_forms.h"
#include "bantam/data/data_ref.h"
#include "bantam/data/field_reader.h"
#include "bantam/data/span_fields.h"

namespace bantam {
namespace {

struct FieldPair {
  std::string_view first, second;
};

// In order: the first pair that a row has is the one it means. The own form stands first.
constexpr std::array kPromptForms{
    FieldPair{"prompt", "completion"},  FieldPair{"prompt", "response"},
    FieldPair{"instruction", "output"}, FieldPair{"instruction", "response"},
    FieldPair{"question", "answer"},    FieldPair{"input", "target"},
    FieldPair{"input", "output"},       FieldPair{"source", "target"}};
constexpr std::array kTextPairForms{
    FieldPair{"text", "text_pair"}, FieldPair{"premise", "hypothesis"},
    FieldPair{"sentence1", "sentence2"}, FieldPair{"query", "response"}};
constexpr std::array<std::string_view, 2> kSingleTextForms{"text", "sentence"};
constexpr std::array<std::string_view, 2> kPlainTextForms{"text", "content"};

constexpr std::string_view kAcceptedForms =
    "expected text and label or labels; text and spans, or tokens and tags; prompt and completion; "
    "messages; or text alone (rename fields with --map OLD=NEW)";

const FieldPair* prompt_form_of(const FieldReader& fields, bool require_answers) {
  for (const FieldPair& form : kPromptForms) {
    if (fields.has(form.first) && fields.has(form.second)) return &form;
  }
  if (require_answers) return nullptr;
  for (const FieldPair& form : kPromptForms) {
    if (fields.has(form.first)) return &form;
  }
  return nullptr;
}

const FieldPair* text_pair_form_of(const FieldReader& fields) {
  for (const FieldPair& form : kTextPairForms) {
    if (fields.has(form.first) && fields.has(form.second)) return &form;
  }
  return nullptr;
}

/// Two texts that nothing is said about. A query and its response are more likely a prompt and its
/// completion under other names.
bool is_plain_pair(const FieldReader& fields) {
  const FieldPair* form = text_pair_form_of(fields);
  return form != nullptr && form->first != "query";
}

bool has_input_text(const FieldReader& fields) {
  if (text_pair_form_of(fields) != nullptr) return true;
  for (const std::string_view name : kSingleTextForms) {
    if (fields.has(name)) return true;
  }
  return false;
}

Row::Kind recognize(const FieldReader& fields, const RowOptions& options) {
  if (options.task) return *options.task;
  if (fields.has("messages") || fields.has("conversations")) return Row::Kind::chat;
  if (fields.has("input_ids")) return Row::Kind::tokens;
  if (has_tags(fields) || (fields.has("text") && is_span_list(fields))) return Row::Kind::spans;
  if (has_input_text(fields)) {
    if (fields.has("label")) return Row::Kind::classification;
    if (fields.has("labels")) return Row::Kind::multi_label;
  }
  if (const FieldPair* form = prompt_form_of(fields, options.require_answers)) {
    const bool conversation =
        form->first == "instruction" && (fields.has("history") || fields.has("system"));
    return conversation ? Row::Kind::chat : Row::Kind::prompt_completion;
  }
  if (is_plain_pair(fields)) return Row::Kind::text;
  for (const std::string_view name : kPlainTextForms) {
    if (fields.has(name)) return Row::Kind::text;
  }
  if (is_word_list(fields)) return Row::Kind::text;
  throw input_error("no known form: the row has {}; {}", fields.field_names(), kAcceptedForms);
}

/// A prompt or completion is a string, or a list of messages.
bool is_message_list(const FieldReader& fields, std::string_view name) {
  return fields.has(name) && fields.rest().find(name)->is_array();
}

void fill_prompt(Row& row, FieldReader& fields, const RowOptions& options) {
  const FieldPair* form = prompt_form_of(fields, options.require_answers);
  if (!form) {
    throw input_error("expected a prompt and a completion; the row has {}", fields.field_names());
  }
  if (form->first == "instruction") {
    row.prompt = take_alpaca_prompt(fields);
  } else {
    row.prompt = fields.take_text(form->first);
  }
  if (options.require_answers || fields.has(form->second))
    row.completion = fields.take_text(form->second);
}

/// A prompt given as messages and its completion: one conversation of which only the completion is
/// trained.
void fill_chat_from_prompt_messages(Row& row, FieldReader& fields, const RowOptions& options) {
  row.messages = messages_from_openai(fields.take("prompt"), "prompt");
  for (Message& message : row.messages) {
    if (message.role == "assistant") message.weight = 0;
  }
  if (!options.require_answers && !fields.has("completion")) return;
  if (is_message_list(fields, "completion")) {
    for (Message& message : messages_from_openai(fields.take("completion"), "completion")) {
      row.messages.push_back(std::move(message));
    }
    return;
  }
  Message answer;
  answer.role = "assistant";
  answer.content = fields.take_text("completion");
  row.messages.push_back(std::move(answer));
}

void fill_chat(Row& row, FieldReader& fields, const RowOptions& options) {
  if (fields.has("messages")) {
    row.messages = messages_from_openai(fields.take("messages"), "messages");
  } else if (fields.has("conversations")) {
    row.messages = messages_from_sharegpt(fields.take("conversations"), "conversations");
    if (const std::string system = fields.take_optional_text("system").value_or("");
        !system.empty()) {
      Message message;
      message.role = "system";
      message.content = system;
      row.messages.insert(row.messages.begin(), std::move(message));
    }
  } else if (is_message_list(fields, "prompt")) {
    fill_chat_from_prompt_messages(row, fields, options);
  } else if (fields.has("instruction") && fields.has("output")) {
    row.messages = messages_from_alpaca(fields, options.require_answers);
  } else {
    fill_prompt(row, fields, options);
    for (const auto& [role, text] :
         {FieldPair{"user", row.prompt}, FieldPair{"assistant", row.completion}}) {
      if (role == "assistant" && text.empty()) continue;
      Message message;
      message.role = role;
      message.content = text;
      row.messages.push_back(std::move(message));
    }
    row.prompt.clear();
    row.completion.clear();
  }
  if (fields.has("tools")) {
    row.tools = fields.take("tools");
    if (row.tools.is_string())
      row.tools = parse_json(row.tools.get<std::string>());  // ShareGPT keeps them as text
    if (!row.tools.is_array() && !row.tools.is_null()) {
      throw input_error("field 'tools': expected an array, found {}", type_of(row.tools));
    }
  }
}

std::string take_label(FieldReader& fields) {
  if (!fields.has("labels")) return fields.take_scalar("label");
  Json labels = fields.take("labels");
  if (!labels.is_array() || labels.size() != 1 || !labels[0].is_string()) {
    throw input_error(
        "field 'labels': expected an array of exactly one string, found {}; give 'label' to train "
        "one class",
        type_of(labels));
  }
  return labels[0].get<std::string>();
}

/// One text or a pair. Throws Error(input) when the row has neither.
void take_input_text(Row& row, FieldReader& fields) {
  if (const FieldPair* form = text_pair_form_of(fields)) {
    row.text = fields.take_text(form->first);
    row.text_pair = fields.take_text(form->second);
  } else {
    row.text =
        fields.take_text(fields.has("sentence") && !fields.has("text") ? "sentence" : "text");
  }
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

void fill_classification(Row& row, FieldReader& fields, const RowOptions& options) {
  const bool labelled = fields.has("label") || fields.has("labels");
  if (!has_input_text(fields) || (!labelled && prompt_form_of(fields, true))) {
    fill_prompt(row, fields, options);  // question and answer rows whose answers are classes
    row.text = std::exchange(row.prompt, {});
    row.label = trimmed(std::exchange(row.completion, {}));
  } else {
    take_input_text(row, fields);
    if (options.require_answers || labelled) row.label = take_label(fields);
  }
  if (options.require_answers && row.label.empty()) {
    throw input_error("field 'label': expected a class, found an empty string");
  }
}

void fill_multi_label(Row& row, FieldReader& fields, const RowOptions& options) {
  take_input_text(row, fields);
  if (!options.require_answers && !fields.has("labels")) return;
  const Json labels = fields.take("labels");
  if (!labels.is_array()) {
    throw input_error("field 'labels': expected an array of names, found {}", type_of(labels));
  }
  for (const Json& label : labels) {
    if (!label.is_string() || label.get_ref<const std::string&>().empty()) {
      throw input_error("field 'labels[{}]': expected the name of a label that applies, found {}",
                        row.labels.size(), escaped(dump_json(label), 60));
    }
    row.labels.push_back(label.get<std::string>());
  }
}

void fill_text(Row& row, FieldReader& fields) {
  if (is_plain_pair(fields)) return take_input_text(row, fields);
  for (const std::string_view name : kPlainTextForms) {
    if (fields.has(name)) {
      row.text = fields.take_text(name);
      return;
    }
  }
  if (is_word_list(fields)) return fill_words(row, fields.rest()["tokens"]);
  throw input_error("field 'text' is missing; the row has {}", fields.field_names());
}

/// Rows that were tokenized elsewhere: input_ids and, as in transformers, labels with -100 where
/// nothing is learned.
void fill_tokens(Row& row, FieldReader& fields) {
  const Json ids = fields.take("input_ids");
  if (!ids.is_array())
    throw input_error("field 'input_ids': expected an array of integers, found {}", type_of(ids));
  const Json labels = fields.has("labels") ? fields.take("labels") : Json();
  const Json weights = fields.has("token_weights") ? fields.take("token_weights") : Json();
  for (const auto& [name, list] :
       {std::pair<std::string_view, const Json&>{"labels", labels}, {"token_weights", weights}}) {
    if (!list.is_null() && (!list.is_array() || list.size() != ids.size())) {
      throw input_error("field '{}': expected an array of {}, one for each id, found {}", name,
                        ids.size(), type_of(list));
    }
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].is_number_integer() || ids[i] < 0 ||
        ids[i] > std::numeric_limits<std::int32_t>::max()) {
      throw input_error("field 'input_ids[{}]': expected a token id, found {}", i,
                        escaped(dump_json(ids[i]), 60));
    }
    float weight = 1;
    if (!labels.is_null()) weight = labels[i] == -100 ? 0.f : 1.f;
    if (!weights.is_null()) {
      if (!weights[i].is_number())
        throw input_error("field 'token_weights[{}]': expected a number, found {}", i,
                          type_of(weights[i]));
      weight = weights[i].get<float>();
    }
    row.ids.push_back(ids[i].get<std::int32_t>());
    row.id_weights.push_back(weight);
  }
}

void rename_fields(FieldReader& fields, const RowOptions& options) {
  for (const auto& [from, to] : options.map) {
    if (!fields.has(from)) continue;
    if (fields.has(to)) {
      throw input_error("--map {}={}: the row already has a field '{}'", escaped(from), escaped(to),
                        escaped(to));
    }
    fields.rest()[to] = fields.take(from);
  }
}

/// The fields that every row may carry. `source` and `weight` may also be data: only the expected
/// type is taken.
void fill_common(Row& row, FieldReader& fields, const RowOptions& options) {
  const std::string group_field = options.group_by.empty() ? "group" : options.group_by;
  if (const auto group = fields.peek_scalar(group_field)) {
    row.group = *group;
    if (options.group_by.empty()) fields.take("group");
  } else if (!options.group_by.empty()) {
    throw input_error("field '{}' is missing, by which rows are to be grouped; the row has {}",
                      escaped(options.group_by), fields.field_names());
  }
  if (fields.has("id") && !fields.rest()["id"].is_null()) {
    row.id = fields.take_scalar("id");
    row.id_was_given = true;
  }
  if (fields.has("split") && fields.rest()["split"].is_string()) {
    row.split = fields.take_text("split");
    if (const std::string standard = standard_split_name(row.split); !standard.empty())
      row.split = standard;
  }
  if (fields.has("weight")) {
    const Json weight = fields.take("weight");
    if (!weight.is_number() || !std::isfinite(weight.get<double>()) || weight.get<double>() < 0) {
      throw input_error("field 'weight': expected a number of at least 0, found {}",
                        escaped(dump_json(weight), 60));
    }
    row.weight = weight.get<double>();
  }
  if (fields.has("meta")) {
    if (!fields.rest()["meta"].is_object()) {
      throw input_error("field 'meta': expected an object, found {}",
                        type_of(fields.rest()["meta"]));
    }
    row.meta = fields.take("meta");
  }
}

}  // namespace

std::pair<std::string, std::string> parse_field_map(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) {
    throw usage_error("--map '{}': expected OLD=NEW, such as instruction=prompt", escaped(text));
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Row row_from_json(Json object, const RowOptions& options) {
  FieldReader fields(std::move(object));
  Row row;
  rename_fields(fields, options);
  fill_common(row, fields, options);
  row.kind = recognize(fields, options);
  if (!options.task && row.kind == Row::Kind::prompt_completion &&
      is_message_list(fields, "prompt")) {
    row.kind = Row::Kind::chat;
  }
  switch (row.kind) {
    case Row::Kind::classification:
      fill_classification(row, fields, options);
      break;
    case Row::Kind::multi_label:
      fill_multi_label(row, fields, options);
      break;
    case Row::Kind::spans:
      fill_spans(row, fields, options.require_answers);
      break;
    case Row::Kind::prompt_completion:
      fill_prompt(row, fields, options);
      break;
    case Row::Kind::chat:
      fill_chat(row, fields, options);
      break;
    case Row::Kind::text:
      fill_text(row, fields);
      break;
    case Row::Kind::tokens:
      fill_tokens(row, fields);
      break;
  }
  if (fields.has("source") && fields.rest()["source"].is_string())
    row.source = fields.take_text("source");
  row.extra = std::move(fields.rest());
  return row;
}

}  // namespace bantam
