// LoRA adapters as PEFT keeps them: a folder with adapter_config.json and
// adapter_model.safetensors.
//
// Knows nothing of a model: whether the modules exist and the shapes fit is for the loader to say.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// y += scale * (x Aᵀ) Bᵀ.  a [r, K], b [N, r], f32.
struct LoraPair {
  Tensor a, b;
};

struct PeftAdapter {
  int r = 8;
  double alpha = 8;
  /// The delta of a module is scaled by alpha / sqrt(r) instead of alpha / r (arXiv:2312.03732).
  bool rank_stabilized = false;
  std::vector<std::string> target_modules;  ///< "q_proj", or one entry: "all-linear"
  /// Own rank or alpha of the modules whose name ends in the key.
  std::vector<std::pair<std::string, int>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;
  std::string task_type = "CAUSAL_LM";
  std::string base_model;        ///< base_model_name_or_path; "" if none
  std::string base_sha256;       ///< of the weight file it was trained on; "" if unknown
  Json bantam = Json::object();  ///< further keys of the object "bantam"
  /// In the order of the file; the name is "base_model.model.model.layers.0.self_attn.q_proj".
  std::vector<std::pair<std::string, LoraPair>> modules;
  /// Modules that were trained whole ("modules_to_save"): a head, in most files.
  std::vector<std::string> saved_modules;
  /// Their weights in f32, by the base model's names: "classifier.weight".
  std::vector<std::pair<std::string, Tensor>> saved;

  int rank_of(std::string_view module) const;
  double scale_of(std::string_view module) const;
};

/// Everything but `modules`. Throws Error(input), beginning with `where`, on a type of adapter or a
/// setting that would compute something else than LoRA, naming the key.
PeftAdapter parse_peft_config(std::string_view json_text, std::string_view where);

/// Throws Error(input) on a tensor that is neither half of a pair nor of a saved module, and where
/// ranks disagree with each other or with the config, naming both.
PeftAdapter read_peft_adapter(const Path& folder);

/// The config comes last, so that a folder with a config is complete.
void write_peft_adapter(const Path& folder, const PeftAdapter& adapter);

}  // namespace bantam
