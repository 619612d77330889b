// The `model` of tokenizer.json.
#pragma once

#include <string>

#include "bantam/base/json.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

/// Fills tokens, types, merges, scores and what else the model says. BPE becomes character_bpe;
/// whether its pieces are bytes, the pre-tokenizer decides. Throws Error(input) naming the entry
/// that cannot be right.
void read_model_json(const Json& model, Vocabulary& vocabulary);
/// The unknown token, by text: after added tokens are placed.
void read_unknown_token(const Json& model, Vocabulary& vocabulary);
/// Appends the object. The kind must be one that tokenizer.json knows: not sentence_piece_bpe.
void append_model_json(const Vocabulary& vocabulary, std::string& out);

/// The id in `value`, from 0 to 2^22 - 1.
std::int32_t json_token_id(const Json& value, std::string_view token);
/// Throws Error(input) if another token has the id.
void place_token(Vocabulary& vocabulary, std::int32_t id, const std::string& text, TokenType type);

}  // namespace bantam
