// Models of known shapes with random weights: for speed and memory at sizes whose real weights are
// not at hand. They say nothing sensible.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/model/gguf_weight_types.h"
#include "bantam/nn/decoder.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// The shape of a published model, all of them with tied heads.
struct ModelShape {
  std::string_view name;  ///< "smollm2-135m"
  int layers;
  std::int64_t width, heads, kv_heads, head_width, feed_forward, vocabulary, context;
  double rope_theta;
};

/// Every known shape, in a list one can read, by size.
std::span<const ModelShape> model_shapes();
/// Throws Error(usage) naming the nearest and the known ones.
const ModelShape& model_shape_named(std::string_view name);

/// The same with another width: as many heads as fill it, and a feed-forward in proportion. Throws
/// Error(usage) for a width that is not whole groups of heads, naming the nearest below.
ModelShape with_width(const ModelShape& shape, std::int64_t width);

/// All of it as the Llama family: biases and scaled rotations of the original are left out.
DecoderConfig config_of(const ModelShape& shape);

struct RandomModelOptions {
  GgufWeightType dtype = DType::q4_k;
  std::uint64_t seed = 1234;
  /// Null: all bytes, an end token, and padding up to the shape's vocabulary.
  const Tokenizer* tokenizer = nullptr;
};

/// Writes a GGUF file tensor by tensor: memory holds one at a time. Norms are ones in f32.
/// Equal for equal shape and options. Throws Error(usage) for a type that
/// is not one of weights, Error(input) for a tokenizer with more tokens than the shape has rows.
void write_random_model(const ModelShape& shape, const RandomModelOptions& options,
                        const Path& file, ProgressSink& progress = silent_progress());

}  // namespace bantam
