// The languages of a translation model, whose tokens tell it what a text is written in and what to
// write: fra_Latn (NLLB), fr_XX (mBART), __fr__ (M2M-100), >>fra<< (Marian).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/text/tokenizer.h"

namespace bantam {

/// The codes of the languages that have a token, in the order of ids, without the signs around
/// them: "fra_Latn", "fr_XX", "fr", "fra". Empty for other tokenizers.
std::vector<std::string> language_codes(const Tokenizer& tokenizer);

/// The same tokenizer, whose model_input() puts the token of this language where the token of
/// another one stands, or in front of a text where none stands. `code` may be written with the
/// signs around it. Throws Error(usage): an unknown code, with those that are near; a tokenizer
/// that has no languages, or only such as an answer is to be in (Marian).
std::shared_ptr<const Tokenizer> with_source_language(
    const std::shared_ptr<const Tokenizer>& tokenizer, std::string_view code);

struct TargetLanguage {
  std::shared_ptr<const Tokenizer> tokenizer;  ///< for the texts
  /// What every answer begins with: Seq2SeqTokens::forced_first. None where the text says it.
  std::optional<std::int32_t> first_token;
};

/// What makes the answer be in this language: its first token, or (Marian) a token in front of the
/// text. Throws Error(usage) like with_source_language().
TargetLanguage with_target_language(const std::shared_ptr<const Tokenizer>& tokenizer,
                                    std::string_view code);

}  // namespace bantam
