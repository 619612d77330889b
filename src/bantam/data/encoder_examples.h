// Rows to what models with an encoder learn from: labelled texts, texts with tagged words, and
// texts with their answers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/data/dataset.h"
#include "bantam/data/example.h"
#include "bantam/data/format.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct EncoderFormat {
  std::int64_t longest = 0;  ///< tokens of a text, and of an answer, special ones included
  bool drop_longer = false;  ///< else their ends are cut off
};

/// Classification rows: `ids` and `types` of the text or pair, and the place of the row's label in
/// `labels`. Throws Error(input) for a row of another kind, a label that is not among `labels`
/// (naming the row and the known ones), and when nothing is left to learn.
std::vector<Example> labelled_examples(const Dataset& rows, const Tokenizer& tokenizer,
                                       std::span<const std::string> labels,
                                       const EncoderFormat& format, FormatReport& report);

/// Multi-label and classification rows, for labels that do not exclude each other: as above, but
/// for `targets`, which say of each of `labels` whether it applies.
std::vector<Example> multi_label_examples(const Dataset& rows, const Tokenizer& tokenizer,
                                          std::span<const std::string> labels,
                                          const EncoderFormat& format, FormatReport& report);

/// Rows of spans or tags: `ids` and `types` of the text, and for the first token of each word the
/// place of its tag in `tags`; the other tokens have the label -1 and the weight 0. Throws
/// Error(input) for a row of another kind, a tag that is not among `tags`, spans that share a word,
/// and when nothing is left to learn.
std::vector<Example> tagged_examples(const Dataset& rows, const Tokenizer& tokenizer,
                                     std::span<const std::string> tags, const EncoderFormat& format,
                                     FormatReport& report);

/// Prompt/completion rows: `source` is the prompt, `ids` the completion behind `start`, the token
/// that the decoder begins with; all of the completion is a target. Each side has the special
/// tokens that its tokenizer puts around a text. Throws Error(input) for a row of another kind and
/// when nothing is left to learn.
struct AnswerTokens {
  const Tokenizer& prompts;
  const Tokenizer& completions;
  std::int32_t start = 0;
};
std::vector<Example> answered_examples(const Dataset& rows, const AnswerTokens& tokens,
                                       const EncoderFormat& format, FormatReport& report);

}  // namespace bantam
