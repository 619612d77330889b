// Vectors of texts: each text through an encoder (or a causal model), the states of its tokens to
// one vector, and that through the layers that the model's files put behind.
//
// Nothing is padded: texts are sorted by length and laid end to end, as many in a pass as fill it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/model/load_encoder.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// What is not set is as the model's files say; where they say nothing, as named here.
struct EmbedderOptions {
  std::optional<Pooling> pooling = {};       ///< mean of the tokens; a causal model's last token
  std::optional<bool> normalize = {};        ///< no
  std::optional<std::int64_t> longest = {};  ///< tokens of a text; what the model was trained for
  std::optional<std::string> prompt = {};    ///< in front of every text; none
  std::int64_t step_tokens = 1024;           ///< of one pass, if one text does not have more
};

struct Embeddings {
  Tensor vectors;                      ///< [n, D] f32, in the order of the texts
  std::vector<std::int64_t> tokens;    ///< of each text, special ones included, as read
  std::vector<std::size_t> truncated;  ///< texts that had more tokens, ascending
};

class Embedder {
 public:
  /// Throws Error(usage) when longest is not between 1 and what the model can read, and
  /// Error(input) when layers behind pooling do not fit its vectors.
  explicit Embedder(LoadedEncoder encoder, const EmbedderOptions& options = {});

  /// Texts that are too long lose tokens at their end, as in sentence-transformers; special tokens
  /// stay. Throws Error(input) naming the text when one has no token, and Interrupted when an
  /// Interrupt is requested.
  Embeddings embed(std::span<const std::string> texts,
                   ProgressSink& progress = silent_progress()) const;

  const LoadedEncoder& encoder() const { return encoder_; }
  std::int64_t width() const { return width_; }
  Pooling pooling() const { return pooling_; }
  bool normalizes() const { return normalize_; }
  std::int64_t longest() const { return longest_; }
  const std::string& prompt() const { return prompt_; }

 private:
  ModelInput read(const std::string& text) const;
  Tensor vectors_of(std::span<const ModelInput* const> inputs) const;

  LoadedEncoder encoder_;
  Pooling pooling_;
  bool normalize_;
  std::int64_t longest_, step_tokens_, width_;
  std::string prompt_;
};

/// Cosines of all pairs of rows of x [n, D]: [n, n]. A row of zeros has 0 with all.
Tensor cosine_similarities(const Tensor& x);

}  // namespace bantam
