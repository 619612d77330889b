// Cutting text into pieces that are merged separately: the `pre_tokenizer` of tokenizer.json, and
// GGUF's names for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/split_pattern.h"

namespace bantam {

/// A range of the text. Invalid UTF-8 is a piece of its own that no step looks at.
struct Piece {
  std::uint32_t begin, end;
  bool fixed = false;
};

class PreTokenizer {
 public:
  /// Reads Split, Digits, ByteLevel and Sequence. Throws Error(input) naming a type or value it
  /// does not know.
  static PreTokenizer from_json(const Json& value);
  /// By GGUF name ("smollm", "llama-bpe", ...). Throws Error(input) listing the known names.
  static PreTokenizer from_name(std::string_view name);

  const Json& json() const { return json_; }
  /// The same for two pre-tokenizers that split alike, however their JSON is written.
  const std::string& signature() const { return signature_; }
  /// Pieces are spelled in the byte-level alphabet afterwards.
  bool byte_level() const { return byte_level_; }
  /// The text must begin with a space; one is put before it otherwise.
  bool add_prefix_space() const { return add_prefix_space_; }

  /// The pieces of `text`, in order, each non-empty. Parts that a pattern removes are missing.
  void split(std::string_view text, std::vector<Piece>& pieces) const;

 private:
  enum class Kind { pattern, digits };
  enum class Behavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };
  struct Step {
    Kind kind;
    Behavior behavior;
    bool invert;
    std::vector<SplitPattern> pattern;  // one, or none for digits
  };

  void add_steps(const Json& value, int depth);
  void add_split(const Json& value);
  void add_byte_level(const Json& value);
  static void apply(const Step& step, std::string_view text, const Piece& piece,
                    std::vector<Piece>& out);

  Json json_;
  std::vector<Step> steps_;
  std::string signature_;
  bool byte_level_ = false;
  bool add_prefix_space_ = false;
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
