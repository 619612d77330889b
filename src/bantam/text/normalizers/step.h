// The steps a normalizer is made of: one small type a file, made from its part of tokenizer.json.
#pragma once

#include <memory>

#include "bantam/base/json.h"
#include "bantam/text/aligned_text.h"

namespace bantam {

/// Rewrites a text. Invalid UTF-8 stays as it is. Immutable.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  virtual void apply(AlignedText& text) const = 0;
};

using NormalizerStepPtr = std::unique_ptr<const NormalizerStep>;

/// Each throws Error(input) naming the field that is wrong.
NormalizerStepPtr unicode_form(const Json& value);     ///< NFC, NFD, NFKC, NFKD
NormalizerStepPtr lowercase(const Json& value);        ///< each character by itself
NormalizerStepPtr strip_accents(const Json& value);    ///< removes combining marks
NormalizerStepPtr nmt(const Json& value);              ///< control characters and odd spaces
NormalizerStepPtr bert_normalizer(const Json& value);  ///< cleaning, Chinese, accents, case
NormalizerStepPtr strip(const Json& value);            ///< white space at the ends
NormalizerStepPtr prepend(const Json& value);          ///< text before a text that is not empty
NormalizerStepPtr replace(const Json& value);          ///< all matches of a text or pattern
NormalizerStepPtr precompiled(const Json& value);      ///< a charsmap, as `tokenizers` applies it
NormalizerStepPtr byte_level_normalizer(const Json& value);  ///< bytes in the byte-level alphabet
/// What SentencePiece does before encoding. A part of our own, written as type "SentencePiece" with
/// precompiled_charsmap, add_dummy_prefix, remove_extra_whitespaces and protected: the texts of
/// user-defined pieces, which stay as they are.
NormalizerStepPtr sentence_piece_normalizer(const Json& value);

/// NFC or one of its relatives, of the whole text.
enum class UnicodeForm { nfc, nfd, nfkc, nfkd };
void normalize_unicode(AlignedText& text, UnicodeForm form);
void lowercase_text(AlignedText& text);

}  // namespace bantam
