// One reader for each set of files. Each throws Error(input) naming file and line, token or key.
#pragma once

#include "bantam/model/legacy/tokenizer_folder.h"

namespace bantam {

/// vocab.txt, a token a line: BERT's WordPiece.
Vocabulary read_word_pieces(const TokenizerFolder& folder);
/// vocab.json and merges.txt: byte-level BPE of GPT-2, RoBERTa and BART.
Vocabulary read_byte_pairs(const TokenizerFolder& folder);
/// spiece.model: T5, with tokens for the gaps that it was trained to fill behind the pieces.
Vocabulary read_t5_pieces(const TokenizerFolder& folder);
/// sentencepiece.bpe.model alone, numbered as fairseq numbers it: XLM-R, mBART, mBART-50, NLLB.
Vocabulary read_fairseq_pieces(const TokenizerFolder& folder);
/// source.spm, target.spm and vocab.json: Marian (OPUS-MT).
Vocabulary read_marian_pieces(const TokenizerFolder& folder);
/// sentencepiece.bpe.model and vocab.json: M2M-100.
Vocabulary read_m2m_pieces(const TokenizerFolder& folder);

}  // namespace bantam
