// Thoughts and content of an answer told apart while it is written.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "bantam/text/response_format.h"

namespace bantam {

/// Takes an answer in pieces and gives out what of it is decided. A call, and what may be the
/// beginning of one or of a mark, is held back: only the whole shows what it is. All that is given
/// out joined is the content, or the thought, as parse_response finds it.
class ResponseStream {
 public:
  /// What can be shown after a piece; often one or both are empty. The thought comes first.
  struct Shown {
    std::string thought, content;
  };

  /// `format` must outlive this; `prompt_end` as in parse_response.
  ResponseStream(const ResponseFormat& format, std::string prompt_end)
      : format_(format), prompt_end_(std::move(prompt_end)) {}

  /// `piece` holds the special tokens that the format is written with (is_written_with).
  Shown push(std::string_view piece);
  /// The rest of `whole`, which is the answer as parse_response takes it apart.
  Shown finish(const Message& whole) { return growth(whole); }

 private:
  std::string_view decided() const;
  Shown growth(const Message& message);

  const ResponseFormat& format_;
  std::string prompt_end_, text_;
  std::string thought_, content_;  ///< given out already
};

}  // namespace bantam
