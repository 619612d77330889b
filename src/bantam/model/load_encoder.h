// From a path to a model that reads texts: an encoder, or a causal model whose states are wanted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/sentence_settings.h"
#include "bantam/model/transformer.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct LoadedEncoder {
  std::shared_ptr<const Transformer> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  SentenceSettings sentences;  ///< how its files make one vector of a text
  Path path;
  std::string name;                   ///< for people: file or folder name
  std::vector<std::string> warnings;  ///< extra tensors
};

/// `reference` as in load_model(); of an adapter that brings a head the head is left aside. Throws
/// Error naming what was expected; memory is estimated before anything is allocated.
LoadedEncoder load_encoder(const std::string& reference);

}  // namespace bantam
