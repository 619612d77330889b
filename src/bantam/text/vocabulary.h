// What a byte-level BPE tokenizer is made of, in the form that GGUF files keep: plain vectors, no
// lookup tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bantam {

/// The numbers of GGUF's `tokenizer.ggml.token_type`.
enum class TokenType : std::int32_t {
  normal = 1,
  unknown = 2,
  control = 3,       ///< special: written by templates, never recognised inside ordinary text
  user_defined = 4,  ///< added as a whole, but ordinary text: recognised everywhere
  unused = 5,        ///< a hole in the ids: never produced, and its logit should be masked
  byte = 6,
};

/// How an added token is matched in text; the defaults are those of a GGUF file, which keeps none
/// of this.
struct AddedTokenMatch {
  std::int32_t id = 0;
  bool single_word = false;  ///< only when no letter, digit or underscore touches it
  bool strip_left = false;   ///< takes the white space before it
  bool strip_right = false;  ///< takes the white space after it
  bool normalized = false;   ///< looked for after normalization instead of before
};

/// Ids are positions in `tokens`.
struct BytePairVocabulary {
  /// Byte-level text for normal tokens ("Ġthe" is " the"), literal text for control and
  /// user_defined ones, empty for holes.
  std::vector<std::string> tokens;
  std::vector<TokenType> types;     ///< one for each token; empty means all normal
  std::vector<std::string> merges;  ///< "left right", most important first
  std::string pre =
      "default";  ///< name of the pre-tokenizer (tokenizer.ggml.pre); "" if it has none
  /// The pre-tokenizer and normalizer as tokenizer.json writes them; filled from `pre` when empty.
  std::string pre_tokenizer_json, normalizer_json;
  std::vector<AddedTokenMatch> matching;  ///< only for added tokens that differ from the defaults
  std::optional<std::int32_t> bos, eos, unk, pad;
  bool add_bos = false;
  bool add_eos = false;
  /// A piece that is a token as it stands is not merged from its bytes (Llama 3).
  bool ignore_merges = false;
  /// Bytes without a token become `unk`; otherwise they are dropped, as the reference
  /// implementations do.
  bool emit_unk = false;
  bool fuse_unk = false;  ///< neighbouring unknown bytes become one `unk`
};

}  // namespace bantam
