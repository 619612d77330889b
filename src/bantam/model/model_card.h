// What can be told of a model without loading it: read from headers, configs and models.lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/memory_estimate.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"
#include "bantam/nn/decoder.h"
#include "bantam/tensor/dtype.h"

namespace bantam {

/// How much of a model is of one element type.
struct TypeShare {
  DType dtype = DType::f32;
  std::uint64_t tensors = 0, elements = 0, bytes = 0;
};

struct TokenizerCard {
  int vocabulary = 0;
  std::string bos, eos;                  ///< "" if none
  std::vector<std::string> end_of_turn;  ///< all tokens that end a text
};

struct ModelCard {
  std::string name;
  Path path;
  std::uint64_t file_bytes = 0;
  std::string family;  ///< general.architecture or model_type, known to Bantam or not
  std::optional<DecoderConfig> config;
  ModelKind kind = ModelKind::decoder;  ///< where there is a config
  std::uint64_t parameters = 0;
  std::vector<TypeShare> types;  ///< largest first
  std::vector<WeightInfo> weights;
  std::vector<MemoryEstimate> memory;  ///< at growing contexts, the model's own last
  std::optional<TokenizerCard> tokenizer;
  std::string chat_template;  ///< its source, "" if none
  /// What the files say of themselves: name, author, licence, base, source, SHA-256.
  std::vector<std::pair<std::string, std::string>> provenance;
  /// What could not be read or deserves attention; a card is made all the same.
  std::vector<std::string> warnings;
};

/// Reads no weight. Throws Error(input) only when the weight files themselves are refused.
ModelCard read_model_card(const ModelReference& reference);

/// The one-line part of a card, for lists.
struct ModelLine {
  std::string family, type;  ///< "llama", "q4_1"; "?" when unreadable
  std::uint64_t parameters = 0, bytes = 0;
};
ModelLine read_model_line(const Path& path);

}  // namespace bantam
