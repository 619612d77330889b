// Architectures as data: which parts a family is made of, and what its weights and numbers are
// called in files.
//
// A new family is one file in architectures/ and one line in architectures().
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/nn/decoder.h"

namespace bantam {

class GgufFile;
class GgufWriter;
class HfConfig;

/// One tensor of the model under its three names; "#" stands for the layer's number.
struct WeightName {
  std::string_view site;  ///< "layers.#.attn.q.weight"
  std::string_view hf;    ///< "model.layers.#.self_attn.q_proj.weight"
  std::string_view gguf;  ///< "blk.#.attn_q.weight"
};

/// "blk.#.attn_q.weight", 3 -> "blk.3.attn_q.weight"
std::string with_layer(std::string_view pattern, int layer);

struct Architecture {
  std::string_view name;           ///< "llama"
  std::string_view hf_model_type;  ///< config.json "model_type"
  std::string_view hf_class;       ///< config.json "architectures"[0]
  std::string_view gguf_name;      ///< general.architecture, prefix of its keys
  std::span<const WeightName>
      weights;  ///< linears, norms and embeddings; biases follow ".weight" -> ".bias"
  /// GGUF keeps this family's query and key rows in the order of interleaved rotation; we keep HF's
  /// order (two halves).
  bool gguf_interleaves_rotation = false;

  DecoderConfig (*config_from_hf)(const HfConfig& config) = nullptr;
  DecoderConfig (*config_from_gguf)(const GgufFile& file) = nullptr;
  Json (*config_to_hf)(const DecoderConfig& config) = nullptr;
  void (*config_to_gguf)(const DecoderConfig& config, GgufWriter& writer) = nullptr;

  /// Throws Error(internal) for a site that the table lacks.
  const WeightName& weight(std::string_view site_pattern) const;
};

/// Every family, in a list one can read.
std::span<const Architecture* const> architectures();
/// Throws Error(input) naming the family found and the known ones.
const Architecture& architecture_of_hf(std::string_view model_type);
const Architecture& architecture_of_gguf(std::string_view name);

}  // namespace bantam
