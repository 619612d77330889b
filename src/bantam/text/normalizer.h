// Unicode normalization before encoding (NFC and its relatives), keeping track of where each byte
// came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/base/json.h"

namespace bantam {

class Normalizer {
 public:
  enum class Form { none, nfc, nfd, nfkc, nfkd };

  /// Reads null, NFC, NFD, NFKC, NFKD and a Sequence of at most one of them. Throws Error(input)
  /// naming another type.
  static Normalizer from_json(const Json& value);
  Json to_json() const;

  Form form() const { return form_; }

  struct Result {
    bool changed = false;  ///< otherwise the text stands as it was, and the rest is empty
    std::string text;
    /// For each byte of `text`, the range of the input it was made from.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> origin;
  };
  /// Invalid UTF-8 stays as it is. Linear in the length of the text, however many marks follow one
  /// letter.
  Result apply(std::string_view text) const;

 private:
  Form form_ = Form::none;
};

}  // namespace bantam
