// The steps a pre-tokenizer is made of: one small type a file, made from its part of
// tokenizer.json.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/aligned_text.h"

namespace bantam {

/// A range of the text. Invalid UTF-8 is a piece of its own that no step looks at.
struct Piece {
  std::uint32_t begin, end;
  bool fixed = false;
};

/// A text and the pieces it is cut into: in order, none empty; what lies between them is dropped.
struct PreTokenized {
  AlignedText text;
  std::vector<Piece> pieces;
};

/// Cuts pieces, and may rewrite the text. Immutable.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void apply(PreTokenized& state) const = 0;
};

/// A step that only cuts, each piece by itself.
class Splitter : public PreTokenizerStep {
 public:
  void apply(PreTokenized& state) const final;

 private:
  /// Appends the pieces of `piece`, a stretch of valid UTF-8.
  virtual void split(std::string_view text, Piece piece, std::vector<Piece>& out) const = 0;
};

using PreTokenizerStepPtr = std::unique_ptr<const PreTokenizerStep>;

/// Each throws Error(input) naming the field that is wrong.
PreTokenizerStepPtr split_step(const Json& value);             ///< Split
PreTokenizerStepPtr digits_step(const Json& value);            ///< Digits
PreTokenizerStepPtr whitespace_step(const Json& value);        ///< Whitespace: words, and the rest
PreTokenizerStepPtr whitespace_split_step(const Json& value);  ///< WhitespaceSplit
PreTokenizerStepPtr bert_step(const Json& value);              ///< BertPreTokenizer
PreTokenizerStepPtr punctuation_step(const Json& value);       ///< Punctuation
PreTokenizerStepPtr delimiter_step(const Json& value);         ///< CharDelimiterSplit
PreTokenizerStepPtr metaspace_step(const Json& value);         ///< Metaspace
PreTokenizerStepPtr unicode_scripts_step(const Json& value);   ///< UnicodeScripts
PreTokenizerStepPtr fixed_length_step(const Json& value);      ///< FixedLength

/// The parts of ByteLevel: a space before each piece that has none, GPT-2's pattern, and each byte
/// as its character of the byte-level alphabet.
PreTokenizerStepPtr prefix_space_step();
PreTokenizerStepPtr gpt2_step();
PreTokenizerStepPtr byte_alphabet_step();

}  // namespace bantam
