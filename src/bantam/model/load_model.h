// From a path to a model that answers: weights, tokenizer and template together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/model/causal_lm.h"
#include "bantam/model/memory_estimate.h"
#include "bantam/text/chat_template.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct ModelReference;

/// What a model reference resolves to. Shared by every command; weights are views of the mapped
/// file until trained.
struct LoadedModel {
  std::shared_ptr<CausalLM> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  /// Of the last adapter that has one, else of the model; null when the files carry none.
  std::shared_ptr<const ChatTemplate> chat_template;
  Path path;                          ///< file or folder the weights came from
  std::string name;                   ///< for people: file or folder name
  Json generation_defaults;           ///< generation_config.json, or an empty object
  std::vector<std::string> warnings;  ///< extra tensors, vocabulary padding, …
  MemoryEstimate memory;              ///< made before loading, for LoadOptions::context
};

struct LoadOptions {
  bool check_weights = true;  ///< refuse scales and values that are not finite (files up to 2 GB)
  std::int64_t context = 0;   ///< tokens of key/value store to plan memory for; 0: none
  std::int64_t answers = 1;   ///< under way at once, for the same plan
};

/// Attaches the adapters that the reference names, in order, with their scales.
void attach_adapters(Transformer& model, const ModelReference& reference);

/// Throws Error(input) when the tokenizer has more tokens than the embedding table has rows.
void require_rows_for(const Tokenizer& tokenizer, const DecoderConfig& config,
                      const std::string& name);

/// `reference` as in docs: a path, a name under home/models, owner/name, each with
/// "+ADAPTER[:scale]". Throws Error naming what was expected; memory is estimated before anything
/// is allocated.
LoadedModel load_model(const std::string& reference, const LoadOptions& options = {});

}  // namespace bantam
