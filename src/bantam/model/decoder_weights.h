// Between a file's tensors and the layers of a decoder, through the architecture's table of names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bantam/model/architecture.h"
#include "bantam/model/transformer.h"
#include "bantam/model/weights.h"

namespace bantam {

enum class WeightNaming { hf, gguf };

/// What the configuration leaves to the tensors beside it: see Architecture::head_by_file.
void complete_config(DecoderConfig& config, const WeightSource& source, WeightNaming naming,
                     const Architecture& architecture);

/// Layers with the weights of `source` as they lie there (views of the mapped file; rows reordered
/// where the family's GGUF files interleave them). Missing tensors: Error(input) listing five and
/// the count (G16). Tensors that no layer uses are added to `warnings`.
Transformer::Weights read_decoder_weights(const WeightSource& source, WeightNaming naming,
                                          const Architecture& architecture,
                                          const DecoderConfig& config,
                                          std::vector<std::string>& warnings);

/// Calls visit(name in the file, tensor) for every weight of the model, in the order of the table;
/// rows come in the order that the naming's files use.
void visit_decoder_weights(
    const Transformer& model, WeightNaming naming,
    const std::function<void(const std::string& name, const Tensor& weight)>& visit);

}  // namespace bantam
