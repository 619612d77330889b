#include "bantam/text/stream_decoder.h"

#include <algorithm>

#include "bantam/text/unicode.h"

namespace bantam {

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special,
                             std::vector<std::int32_t> shown)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special), shown_(std::move(shown)) {}

bool StreamDecoder::skips(std::int32_t id) const {
  return skip_special_ && tokenizer_->is_special(id) && !std::ranges::binary_search(shown_, id);
}

std::string StreamDecoder::push(std::int32_t id) {
  const std::string_view bytes = tokenizer_->token_bytes(id);
  if (skips(id)) return "";
  held_ += bytes;
  std::string out;
  std::size_t at = 0;
  while (at < held_.size()) {
    const CodePoint c = code_point_at(held_, at);
    if (c.cut) break;  // the rest of the character may come with the next token
    if (c.valid) {
      out.append(held_, at, c.length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    at += c.length;
  }
  held_.erase(0, at);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = repair_utf8(held_);
  held_.clear();
  return out;
}

}  // namespace bantam
