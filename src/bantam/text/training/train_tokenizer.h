// Learning a tokenizer from word counts. Each function is a file: byte_level_bpe.cc, word_piece.cc,
// unigram.cc. What they give encodes at once (Tokenizer::from_vocabulary) and is what
// tokenizer_json_of writes.
//
// All three are deterministic: the same counts and options give the same vocabulary on any number
// of threads. All throw Error(usage) when the vocabulary is to be smaller than what it must hold,
// or a special token is empty, given twice or a character of the alphabet; Error(input) when there
// are no words; and Interrupted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/text/training/word_counts.h"
#include "bantam/text/training/word_split.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

/// They get the first ids, in this order. What a text begins and ends with, what stands for the
/// unknown and what fills batches must be among them.
struct SpecialTokens {
  std::vector<std::string> texts;
  std::string bos, eos, unk, pad;  ///< "" for none
};
/// What models of that kind usually have: <|endoftext|>; [PAD] [UNK] [CLS] [SEP] [MASK];
/// <unk> <s> </s>.
SpecialTokens usual_special_tokens(TokenModelKind kind);

struct TrainingOptions {
  std::int64_t vocabulary_size = 32'000;  ///< with special tokens and alphabet; fewer if data ends
  std::int64_t minimum_frequency = 2;     ///< of what becomes a token, in the data
  /// Characters kept, the most frequent ones; others become bytes or unknown. Unset: 1,000 for
  /// WordPiece; for Unigram those that make up 99.95 % of the text. Byte-level BPE has 256 bytes.
  std::optional<std::int64_t> alphabet_limit;
  /// That Unigram begins with, before it prunes; unset: ten for each token. Of 8,000 tokens learned
  /// from 15 MB, those begun with 80,000 made held-out text likelier than with 1,000,000 (5.10 and
  /// 5.13 bits a byte), in a fifth of the time.
  std::optional<std::int64_t> seed_pieces;
  SpecialTokens special;
  ProgressSink* progress = &silent_progress();
};

/// Byte-pair encoding over bytes (arXiv:1508.07909, as GPT-2). Merges equal those of BpeTrainer of
/// `tokenizers` on the same counts: the most frequent pair first, the lowest ids on ties.
Vocabulary train_byte_level_bpe(const WordCounts& words, const WordSplit& split,
                                const TrainingOptions& options);

/// Merges like BPE, with characters inside a word marked by "##", of which encoding needs only the
/// tokens. Equal to WordPieceTrainer of `tokenizers`, which numbers "##" characters in no fixed
/// order; here they ascend. Characters outside the alphabet are passed over.
Vocabulary train_word_piece(const WordCounts& words, const WordSplit& split,
                            const TrainingOptions& options);

/// The unigram language model of arXiv:1804.10959: many frequent substrings, their probabilities
/// by expectation maximization, and pruning of those whose loss costs least likelihood. What is
/// outside the alphabet is encoded as 256 byte tokens.
Vocabulary train_unigram(const WordCounts& words, const WordSplit& split,
                         const TrainingOptions& options);

}  // namespace bantam
