// Text to token ids and back: byte-level BPE with added tokens, as GGUF files and tokenizer.json
// describe it.
//
// Encoding runs in four steps, each a file of its own: added tokens are cut out (added_tokens.h),
// the rest is normalized (normalizer.h), split into pieces (split_pattern.h, pre_tokenizer.h), and
// each piece is merged (bpe.h). Knows nothing of chats; chat_template.h decides which ranges of a
// text may hold special tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// [begin, end) in bytes.
using ByteRange = std::pair<std::uint32_t, std::uint32_t>;

struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<ByteRange> offsets;  ///< for each id, where in the input it came from
};

enum class Special {
  plain,  ///< the text of a control token in the input is ordinary text: what users type
  parse,  ///< control tokens are recognised: what templates write
};

/// Immutable and safe to use from many threads.
class Tokenizer {
 public:
  /// A Hugging Face tokenizer.json whose model is byte-level BPE. `where` names the file in errors.
  /// Throws Error(input) on anything unknown that would change ids: a model, normalizer or
  /// pre-tokenizer type, a merge of unknown tokens, ids that repeat, an empty added token, a byte
  /// that text needs and the vocabulary lacks.
  static std::shared_ptr<const Tokenizer> from_tokenizer_json(std::string_view json_text,
                                                              std::string_view where);
  /// The same checks. An unknown `pre` is refused, naming the known ones.
  static std::shared_ptr<const Tokenizer> from_vocabulary(BytePairVocabulary vocabulary);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Adds no bos. Invalid UTF-8 is encoded byte by byte. Bytes that have no token are dropped (or
  /// become `unk`, if the file says so). Throws Error(input) when the split pattern exceeds its
  /// match limit.
  Encoding encode(std::string_view text, Special special = Special::plain) const;
  /// As one text, but control tokens are recognised only where no byte of them lies in a `literal`
  /// range (sorted, not overlapping): ranges that hold what a user wrote.
  Encoding encode(std::string_view text, std::span<const ByteRange> literal) const;

  /// The bytes of all tokens, joined; may end inside a character. Throws Error(input) naming an id
  /// out of range.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = false) const;

  int vocabulary_size() const;
  std::optional<std::int32_t> bos() const;
  std::optional<std::int32_t> eos() const;
  std::optional<std::int32_t> pad() const;
  bool add_bos() const;
  /// What the token decodes to; for a control token its name, e.g. "<|im_end|>". Throws like
  /// decode.
  std::string_view token_bytes(std::int32_t id) const;
  /// Control tokens and holes.
  bool is_special(std::int32_t id) const;
  /// The id whose token_bytes are `text`; a control token wins.
  std::optional<std::int32_t> find(std::string_view text) const;
  /// eos and the other tokens that end a turn or a text (<|im_end|>, <|eot_id|>, ...), sorted.
  std::vector<std::int32_t> end_of_generation() const;

  /// Complete: the `tokenizers` library loads it and gives the same ids.
  std::string to_tokenizer_json() const;
  const BytePairVocabulary& vocabulary() const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace bantam
