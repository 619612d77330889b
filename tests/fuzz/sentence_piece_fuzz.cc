// Any bytes as a tokenizer.model: a tokenizer that keeps its promises, or an Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/text/sentence_piece_model.h"
#include "bantam/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = Tokenizer::from_vocabulary(vocabulary_from_sentence_piece(text));
    const Encoding encoding = tokenizer->encode(text);
    tokenizer->decode(encoding.ids);
    for (const auto& [begin, end] : encoding.offsets) {
      if (begin > end || end > size) __builtin_trap();
    }
    tokenizer->to_tokenizer_json();
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::internal) __builtin_trap();
  }
  return 0;
}
