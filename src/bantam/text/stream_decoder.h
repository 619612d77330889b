// Decoding one token at a time: what is printed never cuts a character.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bantam/text/tokenizer.h"

namespace bantam {

/// All outputs joined are the decoded text with each invalid sequence replaced by U+FFFD; every
/// single output is valid UTF-8. At most three bytes are held back.
class StreamDecoder {
 public:
  /// `shown`, sorted, are special tokens that are not skipped.
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special = true,
                         std::vector<std::int32_t> shown = {});
  /// The text that is complete after this token; often empty inside an emoji. Throws Error(input)
  /// naming a bad id.
  std::string push(std::int32_t id);
  /// What is still held back: U+FFFD if it is the start of a character.
  std::string finish();

 private:
  bool skips(std::int32_t id) const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_;
  std::vector<std::int32_t> shown_;
  std::string held_;
};

}  // namespace bantam
