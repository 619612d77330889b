#include "bantam/data/row.h"

#include <array>
#include <span>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/options.h"

namespace bantam {
namespace {

struct KindName {
  Row::Kind kind;
  std::string_view name;
};
constexpr std::array kKindNames{KindName{Row::Kind::classification, "classification"},
                                KindName{Row::Kind::multi_label, "multi-label"},
                                KindName{Row::Kind::spans, "spans"},
                                KindName{Row::Kind::prompt_completion, "prompt-completion"},
                                KindName{Row::Kind::chat, "chat"},
                                KindName{Row::Kind::text, "text"},
                                KindName{Row::Kind::tokens, "tokens"}};

Json messages_to_json(std::span<const Message> messages) {
  Json list = Json::array();
  for (const Message& message : messages) list.push_back(message_to_json(message));
  return list;
}

Json spans_to_json(std::span<const TextSpan> spans) {
  Json list = Json::array();
  for (const TextSpan& span : spans) {
    list.push_back({{"start", span.start}, {"end", span.end}, {"label", span.label}});
  }
  return list;
}

/// The messages before the last assistant turn and that turn, if it closes the conversation.
std::span<const Message> question_of(const Row& row) {
  std::span<const Message> messages(row.messages);
  if (!messages.empty() && messages.back().role == "assistant")
    messages = messages.first(messages.size() - 1);
  return messages;
}

}  // namespace

std::string_view name_of(Row::Kind kind) {
  for (const KindName& entry : kKindNames) {
    if (entry.kind == kind) return entry.name;
  }
  throw internal_error("row kind {} has no name", static_cast<int>(kind));
}

Row::Kind row_kind_of(std::string_view name) {
  std::vector<std::string> known;
  for (const KindName& entry : kKindNames) {
    if (entry.name == name) return entry.kind;
    known.emplace_back(entry.name);
  }
  throw_unknown_name("task", name, known);
}

std::string where_is(const Row& row) {
  if (!row.origin.file) return row.id;
  return row.origin.is_line ? fmt::format("{}:{}", *row.origin.file, row.origin.number)
                            : fmt::format("{}: item {}", *row.origin.file, row.origin.number);
}

std::string input_of(const Row& row) {
  switch (row.kind) {
    case Row::Kind::classification:
    case Row::Kind::multi_label:
    case Row::Kind::spans:
    case Row::Kind::text:
      // The unit separator keeps ("ab", "c") and ("a", "bc") apart.
      return row.text_pair.empty() ? row.text : row.text + '\x1f' + row.text_pair;
    case Row::Kind::prompt_completion:
      return row.prompt;
    case Row::Kind::chat:
      return dump_json(messages_to_json(question_of(row)));
    case Row::Kind::tokens:
      return dump_json(Json(row.ids));
  }
  return {};
}

std::string answer_of(const Row& row) {
  switch (row.kind) {
    case Row::Kind::classification:
      return row.label;
    case Row::Kind::multi_label:
      return dump_json(Json(row.labels));
    case Row::Kind::spans:
      return dump_json(row.words.empty() ? spans_to_json(row.spans) : Json(row.tags));
    case Row::Kind::prompt_completion:
      return row.completion;
    case Row::Kind::chat: {
      const bool answered = question_of(row).size() < row.messages.size();
      return answered ? dump_json(message_to_json(row.messages.back())) : std::string();
    }
    case Row::Kind::text:
    case Row::Kind::tokens:
      break;
  }
  return {};
}

std::string content_hash(const Row& row) {
  const std::string content =
      fmt::format("{}\x1e{}\x1e{}", name_of(row.kind), input_of(row), answer_of(row));
  return sha256(std::as_bytes(std::span(content)));
}

Json row_to_json(const Row& row) {
  Json out = Json::object();
  out["id"] = row.id;
  if (!row.source.empty()) out["source"] = row.source;
  if (!row.split.empty()) out["split"] = row.split;
  if (row.weight != 1) out["weight"] = row.weight;
  if (!row.group.empty()) out["group"] = row.group;
  switch (row.kind) {
    case Row::Kind::classification:
      out["text"] = row.text;
      if (!row.text_pair.empty()) out["text_pair"] = row.text_pair;
      out["label"] = row.label;
      break;
    case Row::Kind::multi_label:
      out["text"] = row.text;
      if (!row.text_pair.empty()) out["text_pair"] = row.text_pair;
      out["labels"] = row.labels;
      break;
    case Row::Kind::spans:
      if (row.words.empty()) {
        out["text"] = row.text;
        out["spans"] = spans_to_json(row.spans);
      } else {
        out["tokens"] = row.words;
        out["tags"] = row.tags;
      }
      break;
    case Row::Kind::prompt_completion:
      out["prompt"] = row.prompt;
      out["completion"] = row.completion;
      break;
    case Row::Kind::chat:
      out["messages"] = messages_to_json(row.messages);
      if (!row.tools.is_null()) out["tools"] = row.tools;
      break;
    case Row::Kind::text:
      out["text"] = row.text;
      if (!row.text_pair.empty()) out["text_pair"] = row.text_pair;
      break;
    case Row::Kind::tokens:
      out["input_ids"] = row.ids;
      out["token_weights"] = row.id_weights;
      break;
  }
  if (!row.meta.empty()) out["meta"] = row.meta;
  for (const auto& [key, value] : row.extra.items()) {
    if (!out.contains(key)) out[key] = value;
  }
  return out;
}

}  // namespace bantam
