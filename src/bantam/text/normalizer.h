// What happens to text before it is split: the `normalizer` of tokenizer.json, a list of steps
// (normalizers/step.h).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/aligned_text.h"

namespace bantam {

class NormalizerStep;

/// Immutable and cheap to copy.
class Normalizer {
 public:
  /// Reads null, every type of `tokenizers`, Sequences of them, and SentencePiece (normalizers/
  /// step.h). Throws Error(input) naming another type.
  static Normalizer from_json(const Json& value);
  const Json& json() const { return json_; }
  /// Whether this is one step of that type, alone or in a Sequence of one.
  bool is_only(std::string_view type) const;

  /// Invalid UTF-8 stays as it is. Linear in the length of the text, however many marks follow one
  /// letter.
  void apply(AlignedText& text) const;

 private:
  void add(const Json& value, int depth);

  Json json_;
  std::vector<std::string> types_;
  std::vector<std::shared_ptr<const NormalizerStep>> steps_;
};

}  // namespace bantam
