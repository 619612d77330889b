// Attention with grouped heads: rotary positions, norms of queries and keys, windows and caps as
// the configuration says; the variant whose keys and values come from one narrow vector; and
// cross-attention, whose keys and values come from an encoder.
#pragma once

#include <string>
#include <vector>

#include "bantam/nn/forward_context.h"
#include "bantam/nn/linear_layer.h"
#include "bantam/nn/norm_layer.h"

namespace bantam {

/// Multi-head latent attention, see LatentPart. Sites "layers.3.attn.q_down" and so on.
struct LatentProjections {
  LinearLayer query_down, query_up;  ///< down absent: up reads x itself
  LinearLayer kv_down;               ///< [kv_rank + turning, D]
  LinearLayer kv_up;                 ///< [H * (plain + value), kv_rank]
  NormLayer query_norm, kv_norm;
};

struct AttentionLayer {
  std::string site;                       ///< "layers.3.attn"
  LinearLayer query, key, value, output;  ///< all but the output absent with latent projections
  /// Over each head, with weights that heads share [E] or that each has [H, E]; or over all [H *
  /// E]; or absent.
  NormLayer query_norm, key_norm;
  LatentProjections latent;
  /// Of the table of distances, where it does not share `query` and `key` (DisentangledPart).
  LinearLayer distance_query, distance_key;

  bool is_latent() const { return latent.kv_down.weight.defined(); }
  /// `value_input` [T, any width]: what values are made of, where it is not x.
  Tensor forward(const Tensor& x, int layer, const ForwardContext& context,
                 const Tensor& value_input = {}) const;
  /// Queries from x, keys and values from the encoder's states.
  Tensor forward_cross(const Tensor& x, int layer, const ForwardContext& context) const;
  /// Keys and values of encoder states [S, D].
  SourceHeads source_heads(const Tensor& states, const DecoderConfig& config, Taps* taps) const;
  std::vector<LinearLayer*> linears();
  std::vector<NormLayer*> norms();

 private:
  struct Heads {
    Tensor query, key, value;  ///< [T, H, E], [T, G, E], [T, G, E]
  };
  Heads heads_of(const Tensor& x, const Tensor& value_input, int layer,
                 const ForwardContext& context) const;
  /// What distance adds to scores: DisentangledPart's, or the numbers of RelativePart, or nothing.
  RelativeBias distance_bias(const Heads& heads, const ForwardContext& context) const;
  std::vector<Tensor> projected(const Tensor& x, const Tensor& value_input, Taps* taps) const;
  Heads latent_heads_of(const Tensor& x, const ForwardContext& context) const;
};

}  // namespace bantam
