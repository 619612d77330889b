// What `model convert` and `model apply` do with text encoders: write, load again, compare.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/cli/commands/model_writing.h"
#include "bantam/cli/session.h"
#include "bantam/model/encoder_heads.h"
#include "bantam/model/load_encoder.h"

namespace bantam {

/// An encoder with the head that goes with it, if there is one.
struct EncoderSource {
  LoadedEncoder loaded;
  std::shared_ptr<EncoderModel> with_head;  ///< holds loaded.model; null for an encoder alone

  /// The same with its adapters folded into the weights.
  EncoderSource merged() const;
};

/// `reference` as in load_model(). The head is that of its folder, or the one that an adapter
/// brings.
EncoderSource read_encoder_source(const std::string& reference);

/// Writes `model` to --out, with its head, and compares the states (and scores) of fixed texts with
/// those of `source`. Throws Error(failed_expectation) when they differ by more than rounding can
/// explain, or the tokenizers differ; Error(input) for a head that GGUF has no place for.
int write_encoder(Session& session, const EncoderSource& source, const EncoderSource& model,
                  const ModelWritingOptions& options, std::vector<Path> inputs = {});

}  // namespace bantam
