// What most families state under the same names, in config.json and in GGUF.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "bantam/model/architecture.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/rope_scaling.h"

namespace bantam {

/// Before it becomes an int: a file may say 2^31. Throws Error(input), or Error(resources) where no
/// memory holds so many (G15).
int layer_count(std::int64_t stated);

/// Sizes, norm epsilon and activation; neither rotations nor what differs between layers. Not
/// validated.
DecoderConfig common_from_hf(const HfConfig& config);
DecoderConfig common_from_gguf(const GgufFile& file, std::string_view prefix);
/// Throws Error(input) for an activation that is not known.
Activation activation_from_hf(const HfConfig& config, std::string_view key,
                              std::string_view by_default);

Json common_to_hf(const DecoderConfig& config, std::string_view model_type,
                  std::string_view hf_class);
void common_to_gguf(const DecoderConfig& config, GgufWriter& writer, std::string_view prefix);

/// A size of each layer, `numbers` of all layers in their order. Layers keep theirs where they
/// differ.
void set_layer_sizes(DecoderConfig& config, std::int64_t LayerPart::*of_layer,
                     std::int64_t DecoderConfig::*of_model, std::span<const std::int64_t> numbers);
std::vector<std::int64_t> sizes_of_layers(const DecoderConfig& config,
                                          std::int64_t LayerPart::*of_layer);
/// The same window in all layers.
void set_windows(DecoderConfig& config, std::int64_t window);
/// PREFIX.hidden_activation, GELU where the file has no such key.
Activation activation_from_gguf(const GgufFile& file, std::string_view prefix);
/// Throws Error(input) for an activation that readers of PREFIX do not know.
void activation_to_gguf(Activation activation, std::span<const Activation> known,
                        GgufWriter& writer, std::string_view prefix);

/// BERT and its kin: learned positions, token types, norms after sums, GELU without a gate.
DecoderConfig bert_like_from_hf(const HfConfig& config);
Json bert_like_to_hf(const DecoderConfig& config, std::string_view model_type,
                     std::string_view hf_class);
/// GGUF knows them all as "bert". Its positions begin with the first token's.
DecoderConfig bert_like_from_gguf(const GgufFile& file);
void bert_like_to_gguf(const DecoderConfig& config, GgufWriter& writer,
                       std::string_view model_type);
/// Whether a file of "bert" is of this type: as it says itself, if Bantam wrote it; else by the
/// kind of its vocabulary ("tokenizer.ggml.model").
bool bert_like_is(const GgufFile& file, std::string_view model_type, std::string_view vocabulary);

/// The window of every layer, or of those that "layer_types" calls sliding_attention. `slides` says
/// which where the file has no such list.
void windows_from_hf(DecoderConfig& config, const HfConfig& file, std::int64_t window,
                     bool (*slides)(int layer));
Json layer_types_of(const DecoderConfig& config);

/// Experts of PREFIX.expert_* keys; count 0 where there are none.
ExpertsPart experts_from_gguf(const GgufFile& file, std::string_view prefix);
void experts_to_gguf(const DecoderConfig& config, GgufWriter& writer, std::string_view prefix);
/// Marks all layers from `first` on.
void set_expert_layers(DecoderConfig& config, int first = 0);

/// Llama's names, which many families share.
extern const std::array<WeightName, 12> kLlamaWeights;
/// "attention_bias" and "mlp_bias", as most families have them; some know the first only.
extern const std::array<HfBiasKey, 2> kLlamaBiasKeys;
/// Heads that BERT and its kin are trained with, and positions that can be counted.
extern const std::array<std::string_view, 8> kBertExtras;

}  // namespace bantam
