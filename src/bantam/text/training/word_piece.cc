#include <algorithm>

#include "bantam/base/json.h"
#include "bantam/text/training/merge_learner.h"
#include "bantam/text/training/trained_vocabulary.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view prefix = "##";
constexpr std::int64_t usual_alphabet = 1000;  // as BertWordPieceTokenizer of `tokenizers`

/// The words in characters of the alphabet: as they are where a word begins, with the prefix
/// elsewhere. Ids in an order of their own until number_symbols().
class MarkedWords {
 public:
  MarkedWords(const WordCounts& words, const Alphabet& alphabet) : alphabet_(alphabet) {
    result_.counts = words.counts;
    inside_.resize(alphabet.characters.size());
    for (const std::string& word : words.words) {
      for (std::size_t at = 0; at < word.size();) {
        const CodePoint c = code_point_at(word, at);
        if (alphabet.has(c.value)) add(c.value, at > 0);
        at += static_cast<std::size_t>(c.length);
      }
      result_.ends.push_back(result_.symbols.size());
    }
  }

  std::vector<std::string> alphabet_texts() const {
    std::vector<std::string> texts;
    for (const char32_t c : alphabet_.characters) append_utf8(texts.emplace_back(), c);
    return texts;
  }
  /// Only characters that stand inside a word.
  std::vector<std::string> inside_texts() const {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < inside_.size(); ++i) {
      if (inside_[i]) append_utf8(texts.emplace_back(prefix), alphabet_.characters[i]);
    }
    return texts;
  }
  /// The words with the ids that the two lists have when they come after `first_id` others.
  SymbolWords numbered(std::int32_t first_id) && {
    const auto characters = static_cast<std::int32_t>(inside_.size());
    std::vector<std::int32_t> ids(inside_.size());
    std::int32_t next = first_id + characters;
    for (std::size_t i = 0; i < inside_.size(); ++i) ids[i] = inside_[i] ? next++ : 0;
    for (std::int32_t& symbol : result_.symbols) {
      symbol = symbol < characters ? first_id + symbol
                                   : ids[static_cast<std::size_t>(symbol - characters)];
    }
    return std::move(result_);
  }

 private:
  void add(char32_t character, bool inside) {
    const auto place =
        std::lower_bound(alphabet_.characters.begin(), alphabet_.characters.end(), character) -
        alphabet_.characters.begin();
    if (inside) inside_[static_cast<std::size_t>(place)] = true;
    result_.symbols.push_back(
        static_cast<std::int32_t>(place + (inside ? std::ssize(inside_) : 0)));
  }

  const Alphabet& alphabet_;
  std::vector<bool> inside_;  // of each character: it stands inside a word
  SymbolWords result_;
};

Json text_and_id(const Vocabulary& vocabulary, std::int32_t id) {
  return Json::array({vocabulary.tokens[static_cast<std::size_t>(id)], id});
}

}  // namespace

Vocabulary train_word_piece(const WordCounts& words, const WordSplit& split,
                            const TrainingOptions& options) {
  require_words(words);
  Vocabulary vocabulary = with_special_tokens(split, options.special);
  vocabulary.continuing_subword_prefix = prefix;
  if (vocabulary.bos && vocabulary.eos) {
    vocabulary.add_bos = vocabulary.add_eos = true;
    vocabulary.post_processor_json = dump_json({{"type", "BertProcessing"},
                                                {"sep", text_and_id(vocabulary, *vocabulary.eos)},
                                                {"cls", text_and_id(vocabulary, *vocabulary.bos)}});
  }
  const std::size_t special = vocabulary.tokens.size();
  const Alphabet alphabet =
      alphabet_of(words, options.alphabet_limit.value_or(usual_alphabet), 1.0);
  MarkedWords marked(words, alphabet);
  append_tokens(marked.alphabet_texts(), TokenType::normal, vocabulary);
  append_tokens(marked.inside_texts(), TokenType::normal, vocabulary);
  require_room(vocabulary.tokens.size(), options.vocabulary_size,
               "the characters, alone and inside words, and the special tokens");
  const MergeLimits limits{.vocabulary_size = options.vocabulary_size,
                           .minimum_frequency = options.minimum_frequency,
                           .special_tokens = special,
                           .continuing_prefix = std::string(prefix),
                           .progress = options.progress};
  learn_merges(std::move(marked).numbered(static_cast<std::int32_t>(special)), limits,
               vocabulary.tokens);
  vocabulary.types.resize(vocabulary.tokens.size(), TokenType::normal);
  return vocabulary;
}

}  // namespace bantam
