// A decoder's layer over a passage, in tiles: each thread takes some tokens through all of it.
#pragma once

#include "bantam/tensor/decoder_step.h"

namespace bantam::cpu {

/// True when a passage of so many tokens is worth cutting by tokens: a thread then opens every
/// weight for itself, and reads no activation that another one wrote but keys and values.
bool cuts_by_tokens(std::int64_t tokens, const DecoderStep& step);

/// decoder_step() in tiles of bf16, on a CPU that has_amx(), of a passage that is cut by tokens.
Tensor passage_step(const Tensor& x, const DecoderStep& step);

}  // namespace bantam::cpu
