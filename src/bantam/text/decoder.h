// From tokens back to text: the `decoder` of tokenizer.json.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"

namespace bantam {

/// Immutable; safe to use from many threads.
class Decoder {
 public:
  /// Reads null and every type of `tokenizers`. Throws Error(input) naming another type, or a value
  /// that is wrong.
  static Decoder from_json(const Json& value);

  /// The text of these tokens in a row. Bytes that are no UTF-8 become one U+FFFD each; where the
  /// decoder is ByteLevel they stay.
  std::string decode(std::vector<std::string> tokens) const;
  /// What one token adds in the middle of a text.
  std::string inside(std::string_view token) const;

 private:
  using Step = std::function<void(std::vector<std::string>&)>;
  void add(const Json& value, int depth);

  std::vector<Step> steps_;
  std::string separator_;  // between tokens that nothing decodes
};

}  // namespace bantam
