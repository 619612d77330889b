// What a decoder is made of, in numbers: read from a file by its family (model/architectures), and
// all that layers ask about. No layer asks for the name of a family.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bantam/nn/activation.h"
#include "bantam/nn/convolution_layer.h"
#include "bantam/nn/disentangled_part.h"
#include "bantam/nn/kv_store.h"
#include "bantam/nn/norm_layer.h"
#include "bantam/nn/relative_part.h"
#include "bantam/nn/rope_part.h"
#include "bantam/tensor/score_form.h"

namespace bantam {

/// What may differ between the layers of one model.
struct LayerPart {
  /// Tokens that attention sees back to, itself included; 0: all before. In a bidirectional model
  /// as many on the other side.
  std::int64_t window = 0;
  int rope = 0;          ///< which of the model's rotations; -1: none
  bool experts = false;  ///< a mixture of experts instead of one feed-forward
  // As in DecoderConfig, for layers that have their own; 0: as all layers.
  std::int64_t heads = 0, kv_heads = 0, feed_forward = 0;
  bool operator==(const LayerPart&) const = default;
};

/// Mixture of experts (arXiv:2101.03961): each token goes to `used` of `count` feed-forwards.
struct ExpertsPart {
  std::int64_t count = 0, used = 0;
  std::int64_t width = 0;         ///< inner features of an expert
  std::int64_t shared_width = 0;  ///< of the expert that every token goes to; 0: none
  bool normalize = false;         ///< the weights of those used sum to 1
  double scale = 1;               ///< factor of the weights
  /// Only the best `groups_used` of `groups` groups of experts may be chosen from
  /// (arXiv:2405.04434, section 2.2.2). 1: all.
  std::int64_t groups = 1, groups_used = 1;
};

/// Multi-head latent attention (arXiv:2405.04434, section 2.1): keys and values come from one
/// narrow vector a token, and only some features of each head turn.
struct LatentPart {
  std::int64_t query_rank = 0;  ///< 0: queries are formed in one step
  std::int64_t kv_rank = 0;     ///< 0: the model has ordinary attention
  std::int64_t plain_width = 0, turning_width = 0, value_width = 0;  ///< features of a head
};

/// Positions as sines and cosines (arXiv:1706.03762, section 3.5), sines in the first half of the
/// features: frequency i is 10000^(-i / steps).
struct SinusoidPart {
  std::int64_t steps = 0;  ///< 0: no such positions
  std::int64_t shift = 0;  ///< position of the first token
};

/// What attention inside a bottleneck reads.
enum class BottleneckAttention {
  narrow_queries,  ///< queries and keys a narrow form of their own, values the layer's input
  narrow,          ///< all of them the narrow form that the layer works on
};

/// Layers that work at a narrower width than the model's (nn/bottleneck.h).
struct BottleneckPart {
  std::int64_t width = 0;          ///< 0: layers are as wide as the model
  std::int64_t feed_forwards = 1;  ///< of a layer, one behind the other
  BottleneckAttention attention = BottleneckAttention::narrow_queries;
};

enum class NormPlacement {
  before,      ///< of each branch; norms behind a branch apply where the model has them
  after_sums,  ///< x = norm(x + branch(x)), as the first transformers
};

/// Whether learned positions and token types are added before or after the linear that leads from a
/// narrower embedding to the model's width. The embedding's norm stands behind the sums, or behind
/// both.
enum class EmbeddingSums { after_linear, before_linear, before_linear_and_norm };

/// The numbers that differ from model to model.
struct DecoderConfig {
  int layers = 0;
  std::int64_t width = 0;  ///< D
  // Where layers differ (LayerPart), the largest of each.
  std::int64_t heads = 0, kv_heads = 0;  ///< H, G; H a multiple of G
  std::int64_t feed_forward = 0;         ///< inner features
  std::int64_t head_width = 0;           ///< E
  std::int64_t vocabulary = 0;           ///< V: rows of the embedding table
  std::int64_t context = 0;              ///< tokens the model was trained for
  bool tied_head = true;                 ///< the output head is the embedding table

  NormKind norm = NormKind::rms;
  float norm_epsilon = 1e-5f;
  NormPlacement norm_placement = NormPlacement::before;
  bool parallel_branches = false;  ///< both branches read the same x
  /// Queries and keys are normalized head by head, each head with weights of its own.
  bool norms_each_head = false;

  Activation activation = Activation::silu;
  bool gated = true;  ///< activation(gate) * up, else activation(up)

  std::vector<RopePart> ropes;
  std::int64_t learned_positions = 0;       ///< rows of the table of positions; 0: none
  std::int64_t learned_position_shift = 0;  ///< row of the first token
  SinusoidPart sinusoids;
  RelativePart relative;
  std::vector<LayerPart> layer_parts;  ///< one a layer; empty: all are LayerPart()

  double attention_scale = 0;                      ///< of q·k; 0: 1 / sqrt(head width)
  float attention_softcap = 0, logit_softcap = 0;  ///< 0: none
  double embedding_scale = 1, residual_scale = 1, logit_scale = 1;
  EmbeddingSums embedding_sums = EmbeddingSums::after_linear;
  std::int64_t token_types = 0;      ///< 0: none
  bool bidirectional = false;        ///< windows reach to both sides
  std::int64_t embedding_width = 0;  ///< of the table, when a linear leads to the model's; else 0

  /// The linear behind the embedding reads the next and the previous token's as well, in this
  /// order: next, own, previous; zeros at the ends of a text.
  bool embedding_neighbors = false;

  ExpertsPart experts;
  LatentPart latent;
  BottleneckPart bottleneck;
  DisentangledPart disentangled;
  ConvolutionPart convolution;

  /// Of what a layer works on.
  std::int64_t inner_width() const { return bottleneck.width > 0 ? bottleneck.width : width; }

  /// The stack of layers whose states every layer of this one reads by cross-attention; null in
  /// models of one stack.
  std::shared_ptr<const DecoderConfig> encoder;

  /// With the numbers that all layers share filled in.
  LayerPart layer(int number) const;
  /// Whether any layer has heads or a feed-forward of its own size.
  bool sizes_differ() const;
  ScoreForm attention_form() const;
  ScoreForm logit_form() const { return {static_cast<float>(logit_scale), logit_softcap}; }
  KvShape kv_shape() const;
  /// RopePart's, of all rotations.
  bool turns_alike(std::int64_t length, std::int64_t other) const;
  bool keys_stay(std::int64_t from, std::int64_t to) const;
  /// Throws Error(input) naming both numbers when heads do not divide, or an extent is out of range
  /// (G14, G15).
  void validate() const;
};

}  // namespace bantam
