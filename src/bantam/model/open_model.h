// The weights and the configuration behind a path, whatever kind of file or folder holds them.
#pragma once

#include <memory>

#include "bantam/base/files.h"
#include "bantam/model/architecture.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/gguf.h"
#include "bantam/model/weights.h"

namespace bantam {

/// What a model does with a text.
enum class ModelKind {
  decoder,         ///< goes on with it
  encoder,         ///< turns it into vectors
  encoder_decoder  ///< answers to it
};

struct OpenedModel {
  const Architecture* architecture = nullptr;
  DecoderConfig config;
  std::shared_ptr<const WeightSource> source;
  WeightNaming naming = WeightNaming::hf;
  /// The source, where it also holds tokenizer and template; else null.
  std::shared_ptr<const GgufFile> gguf;

  ModelKind kind() const;
};

/// `path` is a GGUF file or a Hugging Face folder. Weights are mapped, not read. Throws
/// Error(input) that begins with the path: an unknown family, numbers out of range;
/// Error(resources) for counts of layers or tokens that no memory holds (G15).
OpenedModel open_model(const Path& path, WeightCheck check);
/// From headers and configuration alone; throws the same.
ModelKind kind_of_model(const Path& path);

}  // namespace bantam
