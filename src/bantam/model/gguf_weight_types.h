// Which type each weight of a GGUF file is stored in: one for all of them, or one of llama.cpp's
// mixtures, which spend more bits where a model is hurt most.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bantam/nn/decoder_config.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// llama.cpp's mixtures of K types (llama_tensor_get_type in its llama-quant.cpp): the head, and by
/// size small, medium or large also values, outputs of attention and of feed-forwards, some of them
/// in some layers only, get finer types than the rest. q2_k_mixed is what llama.cpp calls Q2_K.
enum class KMixture { q2_k_mixed, q3_k_s, q3_k_m, q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m };

/// One type for all linears and tables, or a mixture.
using GgufWeightType = std::variant<DType, KMixture>;

/// "q4_k" or "q4_k_m". Throws Error(usage) naming the nearest for a name of neither.
GgufWeightType gguf_weight_type_named(std::string_view name);
std::string_view name_of(const GgufWeightType& type);
/// What most weights are stored in.
DType main_type(const GgufWeightType& type);
/// llama.cpp's number for it (general.file_type). Throws Error(usage) for a type that no file is
/// made in.
std::uint32_t gguf_file_type(const GgufWeightType& type);

/// `wanted`, or where a row of `width` is no whole number of its blocks what llama.cpp's quantizer
/// falls back to: q5_0 for q4_k, q8_0 for q6_k, f16 where those do not fit either.
DType fitting_type(DType wanted, std::int64_t width);

/// The types of the tensors of one file.
class GgufTensorTypes {
 public:
  /// `names` of all tensors of the file: which of them is the how-manieth decides.
  GgufTensorTypes(const GgufWeightType& type, const DecoderConfig& config,
                  std::vector<std::string> names);

  /// Of `name`, [.., rows, width]. Vectors, norms, routers of experts, and what is added to states
  /// or scores stay in f32.
  DType of(const std::string& name, const Shape& shape) const;

 private:
  /// The how-manieth of a kind of tensors, and how many there are.
  struct Depth {
    int index = 0, count = 0;
  };

  DType mixed_type(KMixture mixture, const std::string& name, std::int64_t width) const;
  DType value_type(KMixture mixture, Depth depth) const;
  DType attention_output_type(KMixture mixture) const;

  GgufWeightType type_;
  bool has_head_ = false, has_eight_experts_ = false, shares_values_ = false;
  std::map<std::string, Depth> values_, feed_forward_outputs_;
};

}  // namespace bantam
