// Embeddings, layers and a final norm: what decoders and encoders have in common, with adapters,
// taps and parameters. One definition trains in f32, trains adapters over quantized weights, and
// answers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/nn/adapter.h"
#include "bantam/nn/convolution_layer.h"
#include "bantam/nn/decoder.h"
#include "bantam/nn/parameter.h"
#include "bantam/nn/taps.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

struct Architecture;

class Transformer {
 public:
  /// Takes weights as they come from a file; validates every shape against the configuration,
  /// errors name site and shapes.
  struct Weights {
    Tensor embedding;    ///< [V, D], or [V, d] before embedding_in
    Tensor positions;    ///< [P, D or d]; undefined where positions are not learned
    Tensor token_types;  ///< [types, D or d]; undefined where there are none
    LinearLayer embedding_in, embedding_out;  ///< d -> D and D -> d around the layers, or absent
    NormLayer embedding_norm;                 ///< or absent
    Tensor relative_table;                    ///< [B, H] biases by distance, or undefined
    Tensor distances;              ///< [2 * span, D] of DisentangledPart; undefined without it
    NormLayer distance_norm;       ///< of its rows, or absent
    ConvolutionLayer convolution;  ///< beside the first layer, or absent
    std::vector<DecoderLayer> layers;
    NormLayer norm;    ///< or absent
    LinearLayer head;  ///< weight undefined when tied, and in encoders
    Tensor head_bias;  ///< [1, V] added to logits, or undefined
    /// The stack whose states cross-attention reads: one, or none in models of one stack. Without
    /// an embedding of its own it shares this one's. Its sites begin with "encoder.".
    std::vector<Weights> encoder;
  };
  Transformer(const Architecture& architecture, DecoderConfig config, Weights weights);

  const Architecture& architecture() const { return *architecture_; }
  const DecoderConfig& config() const { return config_; }
  /// What a store for answers keeps: keys and values in f16 where products are rounded
  /// (rounds_in_answers() of some weight), else in f32.
  KvShape kv_shape() const;

  /// Final-norm hidden states of all tokens, [T, D]. With a store, the batch must come from its
  /// extend(). Throws Error(input) for a token outside the vocabulary, naming position and id.
  Tensor hidden(const Batch& batch, KvStore* cache = nullptr, Taps* taps = nullptr) const;
  /// Adapters act in the order of attachment. attach() throws Error(input) naming the first site,
  /// rank or shape that does not fit (S9); nothing is attached then.
  void attach(std::shared_ptr<Adapter> adapter);
  void detach(const Adapter* adapter);
  const std::vector<std::shared_ptr<Adapter>>& adapters() const { return adapters_; }
  /// A fresh LoRA adapter for the linears named by options.targets, not attached yet. Throws
  /// Error(usage) naming an unknown target and the known ones.
  std::shared_ptr<Adapter> make_adapter(std::string name, const LoraOptions& options,
                                        std::uint64_t seed) const;
  /// Adds every attached adapter's delta to its weight and detaches all. Weights become f32;
  /// `quantize` brings them back.
  void merge_adapters();
  /// Re-encodes every linear and the embedding table; norms stay f32.
  void quantize_weights(DType dtype);

  /// The model's own weights in the order of the architecture, then those of attached adapters.
  std::vector<Parameter> parameters();
  /// Every linear of the layers, in order of computation: an encoder's first.
  std::vector<LinearLayer*> linears();
  std::vector<const LinearLayer*> linears() const;

  /// Recompute each layer in backward instead of keeping its values: memory of one layer, time of
  /// one more forward.
  void set_gradient_checkpointing(bool on) { gradient_checkpointing_ = on; }
  bool gradient_checkpointing() const { return gradient_checkpointing_; }

 protected:
  const Weights& weights() const { return weights_; }
  /// States of the encoder, [T, D].
  Tensor encoded(const Batch& batch, Taps* taps) const;

 private:
  /// A run of layers with what stands before and behind it: all of most models.
  struct Stack {
    const Weights& weights;
    const DecoderConfig& config;
    std::string_view prefix;  ///< of its sites
  };
  Tensor forward(const Stack& stack, const Batch& batch, KvStore* cache, Taps* taps) const;
  Tensor embedded(const Stack& stack, const Batch& batch, Taps* taps) const;

  const Architecture* architecture_;
  DecoderConfig config_;
  Weights weights_;
  std::vector<std::shared_ptr<Adapter>> adapters_;
  bool gradient_checkpointing_ = false;
};

}  // namespace bantam
