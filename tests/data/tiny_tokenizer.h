// A tokenizer small enough to read: 256 bytes, a few merges, a beginning and an end.
#pragma once

#include <memory>
#include <string>

#include "bantam/text/byte_level.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// Ids 0 to 255 are the bytes; then "ab", " a", "aa"; the last two are <|begin|> and <|im_end|>.
inline std::shared_ptr<const Tokenizer> tiny_tokenizer(bool add_bos = false) {
  BytePairVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.push_back(to_byte_level(std::string(1, static_cast<char>(byte))));
  }
  const std::string space = to_byte_level(" ");
  for (const auto& [left, right] :
       {std::pair<std::string, std::string>{"a", "b"}, {space, "a"}, {"a", "a"}}) {
    vocabulary.tokens.push_back(left + right);
    vocabulary.merges.push_back(left + " " + right);
  }
  vocabulary.types.assign(vocabulary.tokens.size(), TokenType::normal);
  for (const char* control : {"<|begin|>", "<|im_end|>"}) {
    vocabulary.tokens.emplace_back(control);
    vocabulary.types.push_back(TokenType::control);
  }
  vocabulary.pre = "gpt-2";
  vocabulary.bos = 259;
  vocabulary.eos = 260;
  vocabulary.add_bos = add_bos;
  return Tokenizer::from_vocabulary(std::move(vocabulary));
}

}  // namespace bantam
