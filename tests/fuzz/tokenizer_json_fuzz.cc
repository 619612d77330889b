// Any bytes as a tokenizer.json: a tokenizer that keeps its promises, or an Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = Tokenizer::from_tokenizer_json(text, "fuzz");
    for (const Special special : {Special::plain, Special::parse}) {
      const Encoding encoding = tokenizer->encode(text, special);
      tokenizer->decode(encoding.ids);
      for (const auto& [begin, end] : encoding.offsets) {
        if (begin > end || end > size) __builtin_trap();
      }
    }
    const auto again = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "again");
    if (again->encode(text).ids != tokenizer->encode(text).ids) __builtin_trap();
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::internal) __builtin_trap();
  }
  return 0;
}
