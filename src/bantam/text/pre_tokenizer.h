// Cutting text into pieces that become tokens separately: the `pre_tokenizer` of tokenizer.json
// (pre_tokenizers/step.h), and GGUF's names for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/pre_tokenizers/step.h"

namespace bantam {

/// Immutable and cheap to copy.
class PreTokenizer {
 public:
  /// Whether the last step, if it is ByteLevel, spells pieces in the byte-level alphabet. A model
  /// that knows bytes does without.
  enum class Bytes { spelled, raw };

  /// Reads null, every type of `tokenizers` and Sequences of them. Throws Error(input) naming a
  /// type or value it does not know.
  static PreTokenizer from_json(const Json& value, Bytes bytes = Bytes::raw);
  /// By GGUF name ("smollm", "llama-bpe", ...). Throws Error(input) listing the known names.
  static PreTokenizer from_name(std::string_view name);

  const Json& json() const { return json_; }
  /// The same for two pre-tokenizers that split alike, however their JSON is written.
  const std::string& signature() const { return signature_; }
  /// The last step is ByteLevel, so that pieces are bytes.
  bool byte_level() const { return byte_level_; }

  /// The pieces of a text. Without any step, the whole text is one.
  PreTokenized split(AlignedText text) const;

 private:
  void add_steps(const Json& value, int depth);
  void add(const Json& value, const std::string& type);
  void add_byte_level(const Json& value);

  Json json_;
  std::vector<std::shared_ptr<const PreTokenizerStep>> steps_;
  std::string signature_;
  bool byte_level_ = false;
};

/// What a GGUF file's `tokenizer.ggml.pre` stands for.
struct NamedPreTokenizer {
  std::string_view name;
  std::string_view json;        ///< the pre_tokenizer of the tokenizer.json it was made from
  std::string_view normalizer;  ///< "" or "NFC"
  bool ignore_merges;
};
const std::vector<NamedPreTokenizer>& named_pre_tokenizers();
/// Throws Error(input) listing the known names.
const NamedPreTokenizer& named_pre_tokenizer(std::string_view name);

}  // namespace bantam
