// Rows to token sequences with the weight of every target.
//
// Prompt and answer are encoded apart: the ids of the prompt are those that generation will see,
// and the targets decode to exactly the answer and its end. (Encoding the whole and cutting by
// offsets would let one token hold the end of the prompt and the start of the answer; generation
// could never produce it.) So a space between the two belongs to the answer: prompt "Section:",
// answer " games".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/data/dataset.h"
#include "bantam/data/example.h"
#include "bantam/data/summary.h"
#include "bantam/data/task_template.h"
#include "bantam/text/chat_template.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// What happens to a row of more than max_tokens.
enum class TooLong {
  truncate,  ///< shorten it: a labelled text loses the end of its text, a prompt its start,
             ///< anything else its end
  split,  ///< plain text is cut into windows, each beginning with the last token of the one before;
          ///< others as truncate
  drop,
};
TooLong too_long_of(std::string_view name);  ///< Throws Error(usage).

struct FormatOptions {
  std::int64_t max_tokens = 0;  ///< 0: no limit
  TooLong too_long = TooLong::truncate;
  TaskTemplate task = {};  ///< of classification rows
  bool end_token = true;   ///< an answer or plain text ends with the tokenizer's eos, as a target
  bool prompts_as_chat = false;  ///< prompt/completion rows become a user and an assistant turn
  std::shared_ptr<const ChatTemplate> chat_template = {};  ///< needed by chat rows
};

/// How many, and where the first ones are.
struct Finding {
  std::int64_t count = 0;
  std::vector<std::string> first;  ///< up to 5
  void add(const std::string& where);
};

/// Nothing is changed or left out in silence.
struct FormatReport {
  std::int64_t rows = 0, examples = 0, tokens = 0;
  std::int64_t targets = 0;  ///< tokens with a weight
  LengthSummary lengths;     ///< tokens of an example
  Finding truncated, split, dropped_too_long;
  Finding widened;         ///< a span began or ended inside a word: it has the whole word
  Finding without_target;  ///< left out: nothing to learn (weight 0, an empty answer, or cut away)
};

class Formatter {
 public:
  Formatter(std::shared_ptr<const Tokenizer> tokenizer, FormatOptions options);

  /// Examples in the order of the rows; their ids say where the row stands. Throws Error(input)
  /// when no example has a target, for a token id the vocabulary lacks (naming example and
  /// position), and Error(usage) for a chat row without a chat template.
  std::vector<Example> format(const Dataset& data, FormatReport& report) const;
  /// None, one, or several for a split text. Adds to `report`, but not the summary of lengths.
  std::vector<Example> format(const Row& row, FormatReport& report) const;

  /// bos (if the tokenizer wants one) and the prompt of a classification or prompt/completion row,
  /// as training sees it when it is not too long; of a chat row, the conversation up to the answer.
  std::vector<std::int32_t> prompt_ids(const Row& row) const;

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const FormatOptions& options() const { return options_; }

 private:
  struct Parts;
  Parts parts_of(const Row& row) const;
  Parts parts_of_prompt(std::string_view prompt, std::string_view answer, bool end) const;
  std::vector<Example> examples_in_parts(const Row& row, FormatReport& report) const;
  std::vector<Example> examples_in_sequence(const Row& row, FormatReport& report) const;
  Example chat_example(const Row& row) const;
  Example sequence_example(const Row& row) const;
  bool fit_parts(Row row, Parts& parts) const;
  bool is_too_long(std::size_t tokens) const;
  std::vector<std::int32_t> begin() const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  FormatOptions options_;
};

/// The chat template that asks a model as such rows asked it while it learned: that of the options
/// for conversations and texts; for labelled rows and completions, which no chat template wrote,
/// one that writes the last message of a user as they are written.
std::shared_ptr<const ChatTemplate> chat_template_of_rows(const Dataset& rows,
                                                          const FormatOptions& options,
                                                          const Tokenizer& tokenizer);

/// Throws Error(input) naming example, position and id when an id is outside [0, vocabulary).
void require_known_ids(const Example& example, std::int64_t vocabulary);

}  // namespace bantam
