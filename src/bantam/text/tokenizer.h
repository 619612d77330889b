// Text to token ids and back, as tokenizer.json, GGUF files and SentencePiece models describe it.
//
// Encoding runs in steps, each a file of its own: added tokens are cut out (added_tokens.h), the
// rest is normalized (normalizer.h), split into pieces (pre_tokenizer.h), and each piece becomes
// tokens (models/token_model.h); what a model wants around its texts is put there
// (post_processor.h). The way back is decoder.h. Knows nothing of chats; chat_template.h decides
// which ranges of a text may hold special tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/text/aligned_text.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

struct Encoding {
  std::vector<std::int32_t> ids;
  /// For each id, where in the input it came from, in bytes. A token of a part of a character has
  /// its own bytes; one that normalizing made has all that it was made from.
  std::vector<ByteRange> offsets;
};

/// One text or a pair of texts with the special tokens that the model wants around them: what
/// encoders read.
struct ModelInput {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;  ///< segment of each token
  std::vector<ByteRange> offsets;  ///< in the text that the token is of; {0, 0} for special ones
  std::vector<std::int8_t> text;   ///< 0 or 1: which text the token is of; -1: special
};

enum class Special {
  plain,  ///< the text of a control token in the input is ordinary text: what users type
  parse,  ///< control tokens are recognised: what templates write
};

/// Immutable and safe to use from many threads.
class Tokenizer {
 public:
  /// A Hugging Face tokenizer.json. `where` names the file in errors. Throws Error(input) on
  /// anything unknown that would change ids: the type of a part, a merge of unknown tokens, ids
  /// that repeat, an empty added token, text that nothing in the vocabulary could stand for.
  static std::shared_ptr<const Tokenizer> from_tokenizer_json(std::string_view json_text,
                                                              std::string_view where);
  /// The same checks. An unknown `pre` is refused, naming the known ones.
  static std::shared_ptr<const Tokenizer> from_vocabulary(Vocabulary vocabulary);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Adds no bos. Invalid UTF-8 is encoded byte by byte. What has no token becomes the tokens of
  /// its bytes or `unk`, if the file says so, and is dropped otherwise. Throws Error(input) when
  /// the split pattern exceeds its match limit.
  Encoding encode(std::string_view text, Special special = Special::plain) const;
  /// As one text, but control tokens are recognised only where no byte of them lies in a `literal`
  /// range (sorted, not overlapping): ranges that hold what a user wrote.
  Encoding encode(std::string_view text, std::span<const ByteRange> literal) const;

  /// As encode(text), with the special tokens of the post-processor around one text or a pair.
  /// White space at the ends of tokens is outside their offsets if the file says so.
  ModelInput model_input(std::string_view first, std::optional<std::string_view> second = {}) const;

  /// The text of all tokens. Of byte-level BPE their bytes, which may end inside a character;
  /// otherwise what the file's decoder makes of them. Throws Error(input) naming an id out of
  /// range.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = false) const;

  int vocabulary_size() const;
  std::optional<std::int32_t> bos() const;
  std::optional<std::int32_t> eos() const;
  std::optional<std::int32_t> pad() const;
  bool add_bos() const;
  /// What the token decodes to in the middle of a text; for a control token its name, e.g.
  /// "<|im_end|>". Throws like decode.
  std::string_view token_bytes(std::int32_t id) const;
  /// Control tokens and holes.
  bool is_special(std::int32_t id) const;
  /// The id whose token_bytes are `text`; a control token wins.
  std::optional<std::int32_t> find(std::string_view text) const;
  /// eos and the other tokens that end a turn or a text (<|im_end|>, <|eot_id|>, ...), sorted.
  std::vector<std::int32_t> end_of_generation() const;

  /// Complete: the `tokenizers` library loads it and gives the same ids.
  std::string to_tokenizer_json() const;
  const Vocabulary& vocabulary() const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace bantam
