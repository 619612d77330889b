// What a tokenizer is made of, in the form that files keep: plain vectors, no lookup tables.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bantam {

/// The numbers of GGUF's `tokenizer.ggml.token_type`.
enum class TokenType : std::int32_t {
  normal = 1,
  unknown = 2,
  control = 3,       ///< special: written by templates, never recognised inside ordinary text
  user_defined = 4,  ///< added as a whole, but ordinary text: recognised everywhere
  unused = 5,        ///< a hole in the ids: never produced, and its logit should be masked
  byte = 6,          ///< "<0x41>": one byte of a character without a token
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

/// How a piece of text becomes tokens.
enum class TokenModelKind {
  byte_bpe,            ///< merges bytes, which tokens spell in the byte-level alphabet
  character_bpe,       ///< merges characters
  sentence_piece_bpe,  ///< merges characters, the neighbours whose token scores highest first
  unigram,             ///< the most likely sequence of tokens
  word_piece,          ///< the longest token first, from the left
  word_level,          ///< a token for each piece
};

/// A piece that a text is cut into as if it were a token.
struct UnlistedPiece {
  std::string text;
  double score = 0;
};

/// Ids are positions in `tokens`.
struct Vocabulary {
  TokenModelKind kind = TokenModelKind::byte_bpe;
  /// Literal text for control and user_defined tokens, byte-level text ("Ġthe" is " the") for other
  /// tokens of byte_bpe, "<0x41>" for bytes, empty for holes.
  std::vector<std::string> tokens;
  std::vector<TokenType> types;     ///< one for each token; empty means all normal
  std::vector<std::string> merges;  ///< "left right", most important first; of the first two kinds
  /// For sentence_piece_bpe and unigram. Added tokens past the end have none. Minus infinity: no
  /// text is cut into this token, but what would be `unk` becomes it if that is its whole text.
  std::vector<double> scores;
  /// What these two kinds cut texts into besides: it has no id and becomes `unk`.
  std::vector<UnlistedPiece> unlisted;
  std::string pre =
      "default";  ///< name of the pre-tokenizer (tokenizer.ggml.pre); "" if it has none
  /// The parts as tokenizer.json writes them. For byte_bpe, what is empty is filled from `pre`;
  /// otherwise empty means none.
  std::string normalizer_json, pre_tokenizer_json, post_processor_json, decoder_json;
  /// Added tokens that the model itself does not know, ascending: what the matching of added tokens
  /// leaves out never becomes one of them.
  std::vector<std::int32_t> outside_model;
  std::vector<AddedTokenMatch> matching;  ///< only for added tokens that differ from the defaults
  std::optional<std::int32_t> bos, eos, unk, pad;
  bool add_bos = false;
  bool add_eos = false;
  /// A piece that is a token as it stands is not merged from its bytes (Llama 3).
  bool ignore_merges = false;
  /// What has no token becomes `unk`; otherwise it is dropped, as the reference implementations do.
  bool emit_unk = false;
  bool fuse_unk = false;  ///< neighbouring unknowns become one `unk`
  /// A character without a token becomes the byte tokens of its bytes.
  bool byte_fallback = false;
  /// As SentencePiece itself encodes: sums of scores in single precision, bytes never found in
  /// text.
  bool like_sentence_piece = false;
  /// User-defined tokens are cut out of a text before anything else. SentencePiece itself finds
  /// them in the normalized text.
  bool cuts_user_defined = true;
  /// Written before each character of a piece but the first, and after the last (character_bpe);
  /// the first of them is also word_piece's.
  std::string continuing_subword_prefix, end_of_word_suffix;
  std::int64_t longest_word = 100;  ///< in characters; word_piece makes longer ones `unk`
};

/// Whether the model knows the token: it is neither an added token beside it nor a hole, nor a
/// control token, which no text may become.
inline bool model_knows(const Vocabulary& vocabulary, std::size_t id) {
  const TokenType type = vocabulary.types[id];
  return type != TokenType::control && type != TokenType::unused &&
         !std::binary_search(vocabulary.outside_model.begin(), vocabulary.outside_model.end(),
                             static_cast<std::int32_t>(id));
}

/// Throws Error(input) naming the format ("tokenizer.json") if the vocabulary has tokens that no
/// text is cut into or pieces without a token: no file but those it came from says that.
void require_two_way(const Vocabulary& vocabulary, std::string_view format);

/// What those write who make a byte-level vocabulary.
using BytePairVocabulary = Vocabulary;

}  // namespace bantam
