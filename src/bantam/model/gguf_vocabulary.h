// Tokenizers as GGUF files state them: what every writer of models shares.
#pragma once

#include <cstdint>

#include "bantam/model/gguf.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

/// Sets the tokenizer.ggml keys. llama.cpp wants one token a row of the embedding table: `rows`
/// beyond the vocabulary become unused tokens. Throws Error(input) for a kind of tokenizer, or
/// a way to split text, that the format has no place for.
void set_gguf_vocabulary(GgufWriter& writer, const Vocabulary& vocabulary, std::int64_t rows);

/// A list as a value of the format.
template <class T>
GgufArray gguf_array(std::vector<T> items) {
  GgufArray array;
  array.items = std::move(items);
  return array;
}

}  // namespace bantam
