// One example as people write it: a labelled text, a prompt with its completion, a conversation, or
// plain text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/chat_message.h"

namespace bantam {

/// Where a row was read: what errors and reports name.
struct RowOrigin {
  std::shared_ptr<const std::string> file;  ///< null for rows made by a program
  std::int64_t number = 0;                  ///< from 1
  bool is_line = true;                      ///< a line of the file, or an item of a JSON array
};

/// A labelled part of a text.
struct TextSpan {
  std::int64_t start = 0, end = 0;  ///< [start, end) in Unicode code points
  std::string label;
};

struct Row {
  enum class Kind {
    classification,     ///< text (and text_pair), label
    multi_label,        ///< text (and text_pair), labels: any number of them apply
    spans,              ///< text, spans; or words, tags
    prompt_completion,  ///< prompt, completion
    chat,               ///< messages, tools
    text,               ///< text (and text_pair)
    tokens,             ///< ids, id_weights
  };
  Kind kind = Kind::text;
  std::string
      id;  ///< as given, else a hash of the content ("~2", "~3" for repeats of the same content)
  bool id_was_given = false;
  std::string source;  ///< name of the data set it comes from
  std::string split;   ///< "train", "dev", "test", or "" when nothing says so
  double weight = 1;   ///< of its loss
  std::string group;   ///< rows of one group never straddle a split; "" makes the row its own group
  Json meta = Json::object();

  std::string text, text_pair, label;
  std::vector<std::string> labels;
  std::vector<TextSpan> spans;
  /// Of a row in the form of CoNLL, whose text is the words with spaces between them: one tag a
  /// word.
  std::vector<std::string> words, tags;
  std::string prompt, completion;
  std::vector<Message> messages;
  Json tools;                     ///< null or an array
  std::vector<std::int32_t> ids;  ///< of a row that was tokenized elsewhere
  std::vector<float> id_weights;  ///< one for each id

  Json extra = Json::object();  ///< fields without a meaning here, kept for writing back
  RowOrigin origin;
};

std::string_view name_of(Row::Kind kind);  ///< "classification", "multi-label", "spans", …
/// Throws Error(usage) naming the known kinds.
Row::Kind row_kind_of(std::string_view name);

/// "train.jsonl:17", "data.json: item 3", or the row's id.
std::string where_is(const Row& row);

/// What the model is given, without the answer: equal inputs are the same question. Conversations
/// leave out their last assistant turn; a plain text is all input.
std::string input_of(const Row& row);
/// What the model should answer; "" for plain text.
std::string answer_of(const Row& row);

/// SHA-256 of kind, input and answer: equal for exact duplicates whatever their ids, sources and
/// unknown fields.
std::string content_hash(const Row& row);

/// The row in the form that Bantam writes (never an alias), unknown fields last.
Json row_to_json(const Row& row);

}  // namespace bantam
