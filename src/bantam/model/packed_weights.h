// The packed linears of quantized Hugging Face folders as ordinary weights.
//
// config.json's "quantization_config" says which program packed them:
//   gptq          2, 3, 4 or 8 bits; any group size; with and without desc_act; zero points as
//                 checkpoint formats gptq (stored less one) and gptq_v2 have them
//   awq           4 bits, layout "gemm"
//   bitsandbytes  nf4 and fp4, also with double quantization; int8
// Each format's own file gives its formula. Values are exactly those of the format: integers with
// f16 scales become a block type of GGUF where one holds them all (Q4_0, Q5_0 or Q8_0), and f32
// otherwise; nf4 and fp4 become the float type that the folder names, rounded as bitsandbytes does.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bantam/model/hf_config.h"
#include "bantam/model/weights.h"

namespace bantam {

/// `source` with every packed linear as one tensor "NAME.weight" [N, K], which is decoded whenever
/// it is asked for. Without a quantization_config in `config` this is `source` itself. Throws
/// Error(input) that names the known programs, bits and layouts when the folder's is none of them,
/// and the tensor when its parts are missing or do not fit together.
std::shared_ptr<const WeightSource> unpack_weights(std::shared_ptr<const WeightSource> source,
                                                   const HfConfig& config);

/// What a format's own file finds in a folder.
struct PackedWeight {
  WeightInfo info;                 ///< as it will be: "NAME.weight"
  std::vector<std::string> parts;  ///< the tensors of the folder that it is made of
  std::function<Tensor()> decode;
};

// packed_integers.cc. `settings` is the quantization_config.
std::vector<PackedWeight> gptq_weights(std::shared_ptr<const WeightSource> source,
                                       const HfConfig& settings);
std::vector<PackedWeight> awq_weights(std::shared_ptr<const WeightSource> source,
                                      const HfConfig& settings);

// bitsandbytes_weights.cc. The tensors themselves say how they are packed.
std::vector<PackedWeight> bitsandbytes_weights(std::shared_ptr<const WeightSource> source);

/// The part "NAME.x" of a packed weight; Error(input) when it is missing or has another shape.
Tensor packed_part(const WeightSource& source, const std::string& name, const Shape& shape);

}  // namespace bantam
