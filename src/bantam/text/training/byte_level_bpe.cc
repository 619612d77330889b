#include <algorithm>
#include <array>

#include "bantam/text/byte_level.h"
#include "bantam/text/training/merge_learner.h"
#include "bantam/text/training/trained_vocabulary.h"

namespace bantam {
namespace {

/// The characters that spell the 256 bytes, ascending.
std::vector<std::string> byte_alphabet() {
  std::vector<std::string> characters;
  for (int byte = 0; byte < 256; ++byte) {
    characters.emplace_back(byte_level_character(static_cast<unsigned char>(byte)));
  }
  std::sort(characters.begin(), characters.end());
  return characters;
}

SymbolWords as_bytes(const WordCounts& words, std::int32_t first_id) {
  const std::vector<std::string> alphabet = byte_alphabet();
  std::array<std::int32_t, 256> ids;
  for (int byte = 0; byte < 256; ++byte) {
    const auto character = byte_level_character(static_cast<unsigned char>(byte));
    const auto place = std::lower_bound(alphabet.begin(), alphabet.end(), character);
    ids[static_cast<std::size_t>(byte)] =
        first_id + static_cast<std::int32_t>(place - alphabet.begin());
  }
  SymbolWords result;
  result.counts = words.counts;
  result.ends.reserve(words.words.size());
  for (const std::string& word : words.words) {
    for (const char byte : word) result.symbols.push_back(ids[static_cast<unsigned char>(byte)]);
    result.ends.push_back(result.symbols.size());
  }
  return result;
}

}  // namespace

Vocabulary train_byte_level_bpe(const WordCounts& words, const WordSplit& split,
                                const TrainingOptions& options) {
  require_words(words);
  Vocabulary vocabulary = with_special_tokens(split, options.special);
  const std::size_t special = vocabulary.tokens.size();
  append_tokens(byte_alphabet(), TokenType::normal, vocabulary);
  require_room(vocabulary.tokens.size(), options.vocabulary_size,
               "256 bytes and the special tokens");
  const MergeLimits limits{.vocabulary_size = options.vocabulary_size,
                           .minimum_frequency = options.minimum_frequency,
                           .special_tokens = special,
                           .continuing_prefix = {},
                           .progress = options.progress};
  const std::vector<Merge> merges =
      learn_merges(as_bytes(words, static_cast<std::int32_t>(special)), limits, vocabulary.tokens);
  vocabulary.types.resize(vocabulary.tokens.size(), TokenType::normal);
  for (const Merge& merge : merges) {
    vocabulary.merges.push_back(vocabulary.tokens[static_cast<std::size_t>(merge.left)] + " " +
                                vocabulary.tokens[static_cast<std::size_t>(merge.right)]);
  }
  return vocabulary;
}

}  // namespace bantam
