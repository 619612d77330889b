// The regular expression that cuts text into pieces before merging: PCRE2, compiled to machine
// code, with limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bantam {

/// Patterns come from strangers' files, so a match may take at most 10^5 backtracking steps and 8 a
/// byte, and a whole text about one second of processor time a megabyte. Immutable; safe to use
/// from many threads.
class SplitPattern {
 public:
  /// Throws Error(input) with the byte of the pattern where it is wrong, or for what PCRE2 reads
  /// differently from the engines tokenizer files are written for: `&&` inside [...]. There, \s is
  /// exactly the property White_Space.
  explicit SplitPattern(std::string_view pattern);
  /// Matches this text and nothing else.
  static SplitPattern literal(std::string_view text);

  /// Appends [begin, end) of each non-empty match, in order; bytes count from `base`. `text` must
  /// be valid UTF-8. Throws Error(input): "pattern exceeded the match limit at byte n".
  void find_all(std::string_view text, std::uint32_t base,
                std::vector<std::pair<std::uint32_t, std::uint32_t>>& matches) const;
  const std::string& source() const { return source_; }

 private:
  struct Code;
  std::string source_;
  std::shared_ptr<const Code> code_;
};

}  // namespace bantam
