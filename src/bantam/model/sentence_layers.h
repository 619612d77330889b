// What models of sentence-transformers put behind pooling: linears with an activation ("Dense") and
// layer normalizations ("LayerNorm"), each a folder with config.json and model.safetensors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "bantam/base/files.h"
#include "bantam/nn/activation.h"
#include "bantam/nn/linear_layer.h"
#include "bantam/nn/norm_layer.h"

namespace bantam {

/// One of the two.
struct SentenceLayer {
  LinearLayer dense;
  std::optional<Activation> activation;  ///< behind dense; none: what it makes stays
  NormLayer norm;

  bool is_dense() const { return dense.weight.defined(); }
  std::int64_t inputs() const;
  std::int64_t outputs() const;
  /// x [n, inputs] f32 -> [n, outputs].
  Tensor forward(const Tensor& x) const;
};

/// Throws Error(input) naming file and key where the folder asks for what is not known: another
/// activation than tanh, GELU, ReLU, SiLU or none, a residual, other inputs than the sentence's
/// vector, weights of other shapes.
SentenceLayer read_sentence_dense(const Path& folder);
SentenceLayer read_sentence_norm(const Path& folder);
void write_sentence_layer(const SentenceLayer& layer, const Path& folder);

/// Features of vectors of `width` behind all layers. Throws Error(input) where one reads another
/// number of features than the one in front of it makes.
std::int64_t width_behind(std::span<const SentenceLayer> layers, std::int64_t width);

}  // namespace bantam
