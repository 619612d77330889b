// Architectures as data: which parts a family is made of, and what its weights and numbers are
// called in files.
//
// A new family is one file in architectures/ and one line in architectures(); docs/architectures.md
// shows how.
#pragma once

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

/// Which rows of a tensor in a file are the weight: some families keep several weights in one
/// tensor.
enum class FileRows { all, query, key, value, gate, up };

/// One weight of the model under its three names. "#" stands for the layer's number and "@" for the
/// expert's, or that of a feed-forward in a stack; a name in a file without "@" is a stack of all
/// experts. A site without "@" whose name in a file has it lies there as a tensor a row. Biases
/// follow ".weight" -> ".bias".
struct WeightName {
  std::string_view site;       ///< "layers.#.attn.q.weight"
  std::string_view hf;         ///< "model.layers.#.self_attn.q_proj.weight"
  std::string_view gguf = "";  ///< "blk.#.attn_q.weight"; empty where the family has no GGUF form
  FileRows rows = FileRows::all;
  bool optional = false;  ///< models of the family may lack it
};

/// "blk.#.attn_q.weight", 3 -> "blk.3.attn_q.weight"
std::string with_layer(std::string_view pattern, int layer);
/// The same for "@".
std::string with_expert(std::string_view pattern, int expert);

/// A site taken apart: "layers.3.mlp.experts.7.up.weight" is "layers.#.mlp.experts.@.up.weight" of
/// 3 and 7.
struct SitePattern {
  std::string pattern;
  int layer = -1, expert = -1;  ///< -1: outside of layers, of experts and stacks
};
SitePattern pattern_of_site(std::string_view site);

/// A key of config.json that says whether linears have biases, and the site of one that does then.
struct HfBiasKey {
  std::string_view key;   ///< "attention_bias"
  std::string_view site;  ///< "layers.#.attn.q"
};

/// What an encoder's states are turned into.
enum class HeadKind {
  sequence,  ///< a score for each label of a text or a pair of texts; a number with one label
  token,     ///< a score for each label of each token
  span,      ///< two scores of each token: how well an answer begins and ends there
};

/// A head of a family: output(norm(activation(dense(x)))), where x is one vector a text, or all
/// states. Names are those of Hugging Face files.
struct HeadForm {
  HeadKind kind;
  std::string_view hf_class;    ///< "BertForSequenceClassification"
  std::string_view output;      ///< "classifier.weight"
  std::string_view dense = "";  ///< empty: x goes to the output as it is
  std::string_view norm = "";   ///< empty: none
  Activation activation = Activation::tanh;
  // Keys of config.json where models of the family differ; empty where they do not.
  std::string_view activation_key = "";
  std::string_view pooling_key = "";  ///< "cls" or "mean"
  std::string_view dense_key = "";    ///< false: without dense and activation
  std::string_view bias_key = "";     ///< whether dense has a bias
};

struct Architecture {
  std::string_view name;           ///< "llama"
  std::string_view hf_model_type;  ///< config.json "model_type"
  std::string_view hf_class;       ///< config.json "architectures"[0]
  /// Of families that share a model type, whether config.json is of this one; null: of any.
  bool (*hf_accepts)(const HfConfig& config) = nullptr;
  std::string_view gguf_name =
      "";  ///< general.architecture, prefix of its keys; empty: no GGUF form
  /// Of families that share a gguf_name, the one whose file has this tensor or this key.
  std::string_view gguf_mark = "";
  /// Of families that share a gguf_name and differ in no tensor, whether a file is of this one;
  /// null: of any that no other claims.
  bool (*gguf_accepts)(const GgufFile& file) = nullptr;
  std::span<const WeightName> weights;  ///< linears, norms and embeddings
  /// HF files of some models lack this in front of every name but the head's.
  std::string_view hf_prefix = "model.";
  /// Parts of names of tensors that files may hold beside these: what earlier training left, or
  /// what can be computed.
  std::span<const std::string_view> hf_extras = {};
  std::span<const HfBiasKey> hf_bias_keys = {};
  /// Whether the head is the embedding table once more shows in the tensors of a file, not in its
  /// configuration.
  bool head_by_file = false;
  bool is_encoder = false;               ///< tokens see all of their text; no output head
  std::span<const HeadForm> heads = {};  ///< of encoders
  /// GGUF keeps this family's query and key rows in the order of interleaved rotation; we keep HF's
  /// order (two halves).
  bool gguf_interleaves_rotation = false;
  /// GGUF keeps the table of positions from the first token's row on, without those in front of it.
  bool gguf_cuts_positions = false;
  bool hf_transposes_linears = false;  ///< [K, N] in HF files
  bool hf_norms_from_one = false;      ///< HF files hold weight - 1 of norms

  DecoderConfig (*config_from_hf)(const HfConfig& config) = nullptr;
  DecoderConfig (*config_from_gguf)(const GgufFile& file) = nullptr;
  Json (*config_to_hf)(const DecoderConfig& config) = nullptr;
  void (*config_to_gguf)(const DecoderConfig& config, GgufWriter& writer) = nullptr;

  const WeightName* find_weight(std::string_view site_pattern) const;
  /// Throws Error(internal) for a site that the table lacks.
  const WeightName& weight(std::string_view site_pattern) const;
};

/// Every family, in a list one can read.
std::span<const Architecture* const> architectures();
/// Throws Error(input) naming the family found and the known ones.
const Architecture& architecture_of_hf(std::string_view model_type);
const Architecture& architecture_of_hf(const HfConfig& config);
const Architecture& architecture_of_gguf(const GgufFile& file);

}  // namespace bantam
