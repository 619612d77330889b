// What `model convert` and `model apply` do with encoder-decoders: write, load again, compare.
#pragma once

#include "bantam/cli/commands/model_writing.h"
#include "bantam/model/load_seq2seq.h"

namespace bantam {

/// Writes `model` to --out and compares what was written with `source` on a fixed text. Throws
/// Error(failed_expectation) when the most likely next tokens of an answer agree at less than 90 %
/// of the places, or the tokenizers differ.
int write_seq2seq(Session& session, const LoadedSeq2Seq& source, const LoadedSeq2Seq& model,
                  const ModelWritingOptions& options, std::vector<Path> inputs = {});

}  // namespace bantam
