// From a path to an encoder-decoder that answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/model/seq2seq.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct ModelReference;

struct LoadedSeq2Seq {
  std::shared_ptr<Seq2SeqModel> model;
  Seq2SeqTokens tokens;
  std::shared_ptr<const Tokenizer> tokenizer;  ///< null when the files carry none
  Path path;                                   ///< file or folder the weights came from
  std::string name;                            ///< for people: file or folder name
  /// generation_config.json, or what config.json says of generation where there is none, or an
  /// empty object.
  Json generation_defaults;
  std::vector<std::string> warnings;  ///< extra tensors
};

/// From a Hugging Face folder (config.json, safetensors, generation_config.json, the tokenizer's
/// files if they are there) or a GGUF file of T5. Memory is estimated before anything is allocated.
LoadedSeq2Seq load_seq2seq(const Path& path);

/// The same for texts: with the reference's adapters. Throws Error(input) for a model without a
/// tokenizer, or with one that has more tokens than the model.
LoadedSeq2Seq load_seq2seq(const ModelReference& reference);

}  // namespace bantam
