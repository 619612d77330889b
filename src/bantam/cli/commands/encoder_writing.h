// What `model convert` does with text encoders: write, load again, compare.
#pragma once

#include "bantam/cli/commands/model_writing.h"
#include "bantam/model/load_encoder.h"

namespace bantam {

/// Writes the encoder to --out, with its head if its folder names one, and compares the states (and
/// scores) of fixed texts. Throws Error(failed_expectation) when they differ by more than rounding
/// can explain, or the tokenizers differ; Error(input) for a head that GGUF has no place for.
int write_encoder(Session& session, const LoadedEncoder& model, const ModelWritingOptions& options);

}  // namespace bantam
