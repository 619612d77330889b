#include "bantam/model/gguf_weight_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

struct MixtureInfo {
  KMixture mixture;
  std::string_view name;
  DType main;
  std::uint32_t file_type;
};

constexpr std::array<MixtureInfo, 8> kMixtures = {{
    {KMixture::q2_k_mixed, "q2_k_mixed", DType::q2_k, 10},
    {KMixture::q3_k_s, "q3_k_s", DType::q3_k, 11},
    {KMixture::q3_k_m, "q3_k_m", DType::q3_k, 12},
    {KMixture::q3_k_l, "q3_k_l", DType::q3_k, 13},
    {KMixture::q4_k_s, "q4_k_s", DType::q4_k, 14},
    {KMixture::q4_k_m, "q4_k_m", DType::q4_k, 15},
    {KMixture::q5_k_s, "q5_k_s", DType::q5_k, 16},
    {KMixture::q5_k_m, "q5_k_m", DType::q5_k, 17},
}};

const MixtureInfo& info_of(KMixture mixture) {
  return kMixtures[static_cast<std::size_t>(mixture)];
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_head(std::string_view name) { return name == "output.weight"; }

// What makes the values that attention sums, alone or together with queries and keys.
bool makes_values(std::string_view name) {
  return contains(name, "attn_v.weight") || contains(name, "attn_qkv.weight") ||
         contains(name, "attn_kv_b.weight");
}

bool ends_feed_forward(std::string_view name) { return contains(name, "ffn_down"); }

// llama.cpp keeps vectors, norms, routers, and what it adds to states or scores as they are.
bool stays_in_f32(std::string_view name, const Shape& shape) {
  constexpr std::string_view kKept[] = {"position_embd.", "token_types.", "attn_rel_b.", "_norm.",
                                        "ffn_gate_inp."};
  const bool is_vector = shape.rank() < 2 || shape.count() == shape[shape.rank() - 1];
  return is_vector || !name.ends_with(".weight") ||
         std::ranges::any_of(kKept, [&](std::string_view part) { return contains(name, part); });
}

// 12 of "blk.12.attn_v.weight"; -1 for tensors of no layer and of stacks with names before "blk".
int layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  int layer = -1;
  if (name.starts_with(kPrefix)) {
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  }
  return layer;
}

// The layers in which a mixture is generous: the first and the last eighth, and every third
// between.
bool gets_more_bits(int layer, int layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

DType feed_forward_output_type(KMixture mixture, int layer, int layers) {
  switch (mixture) {
    case KMixture::q2_k_mixed:
      return DType::q3_k;
    case KMixture::q3_k_m:
      return layer < layers / 16 ? DType::q5_k : DType::q4_k;
    case KMixture::q3_k_l:
      return DType::q5_k;
    case KMixture::q4_k_s:
      return layer < layers / 8 ? DType::q5_k : DType::q4_k;
    case KMixture::q4_k_m:
    case KMixture::q5_k_m:
      return gets_more_bits(layer, layers) ? DType::q6_k : info_of(mixture).main;
    case KMixture::q3_k_s:
    case KMixture::q5_k_s:
      break;
  }
  return info_of(mixture).main;
}

std::uint32_t file_type_of(DType dtype) {
  static const std::map<DType, std::uint32_t> numbers = {
      {DType::f32, 0},     {DType::f16, 1},   {DType::q4_0, 2},  {DType::q4_1, 3},
      {DType::q8_0, 7},    {DType::q5_0, 8},  {DType::q5_1, 9},  {DType::q2_k, 10},
      {DType::q3_k, 11},   {DType::q4_k, 15}, {DType::q5_k, 16}, {DType::q6_k, 18},
      {DType::iq4_nl, 25}, {DType::bf16, 32}};
  const auto found = numbers.find(dtype);
  if (found != numbers.end()) return found->second;
  require_quantizable_to(dtype);
  throw usage_error(
      "a GGUF file of weights in {} is not made; choose f32, f16, bf16 or a block type",
      info(dtype).name);
}

}  // namespace

GgufWeightType gguf_weight_type_named(std::string_view name) {
  std::vector<std::string> known;
  for (const DTypeInfo& type : all_dtypes()) {
    if (type.name == name) return type.dtype;
    known.emplace_back(type.name);
  }
  for (const MixtureInfo& mixture : kMixtures) {
    if (mixture.name == name) return mixture.mixture;
    known.emplace_back(mixture.name);
  }
  throw_unknown_name("type", name, known);
}

std::string_view name_of(const GgufWeightType& type) {
  const auto* mixture = std::get_if<KMixture>(&type);
  return mixture != nullptr ? info_of(*mixture).name : info(std::get<DType>(type)).name;
}

DType main_type(const GgufWeightType& type) {
  const auto* mixture = std::get_if<KMixture>(&type);
  return mixture != nullptr ? info_of(*mixture).main : std::get<DType>(type);
}

std::uint32_t gguf_file_type(const GgufWeightType& type) {
  const auto* mixture = std::get_if<KMixture>(&type);
  return mixture != nullptr ? info_of(*mixture).file_type : file_type_of(std::get<DType>(type));
}

DType fitting_type(DType wanted, std::int64_t width) {
  if (width % info(wanted).block_elements == 0) return wanted;
  switch (wanted) {
    case DType::q2_k:
    case DType::q3_k:
      return fitting_type(DType::q4_0, width);
    case DType::q4_k:
      return fitting_type(DType::q5_0, width);
    case DType::q5_k:
      return fitting_type(DType::q5_1, width);
    case DType::q6_k:
      return fitting_type(DType::q8_0, width);
    default:
      return DType::f16;
  }
}

GgufTensorTypes::GgufTensorTypes(const GgufWeightType& type, const DecoderConfig& config,
                                 std::vector<std::string> names)
    : type_(type) {
  // llama.cpp counts in this order.
  std::ranges::sort(names, {},
                    [](const std::string& name) { return std::pair(layer_of(name), name); });
  has_eight_experts_ = config.experts.count == 8;
  const LayerPart first = config.layer(0);
  shares_values_ = first.kv_heads > 0 && first.heads / first.kv_heads >= 4;
  for (const std::string& name : names) {
    has_head_ = has_head_ || is_head(name);
    if (makes_values(name)) {
      const auto index = static_cast<int>(values_.size());
      values_[name].index = index;
    }
    if (ends_feed_forward(name)) {
      const auto index = static_cast<int>(feed_forward_outputs_.size());
      feed_forward_outputs_[name] = {config.experts.count > 1 ? layer_of(name) : index,
                                     config.layers};
    }
  }
  for (auto& [name, depth] : values_) depth.count = static_cast<int>(values_.size());
}

DType GgufTensorTypes::of(const std::string& name, const Shape& shape) const {
  if (stays_in_f32(name, shape)) return DType::f32;
  const std::int64_t width = shape[shape.rank() - 1];
  const auto* mixture = std::get_if<KMixture>(&type_);
  return fitting_type(
      mixture != nullptr ? mixed_type(*mixture, name, width) : std::get<DType>(type_), width);
}

DType GgufTensorTypes::mixed_type(KMixture mixture, const std::string& name,
                                  std::int64_t width) const {
  const DType main = info_of(mixture).main;
  // The table is the head of a model without another.
  if (is_head(name) || (!has_head_ && name == "token_embd.weight")) {
    return width % info(main).block_elements == 0 ? DType::q6_k : DType::q8_0;
  }
  if (makes_values(name)) return value_type(mixture, values_.at(name));
  if (contains(name, "attn_k.weight") && has_eight_experts_) return DType::q8_0;
  if (contains(name, "attn_output.weight")) return attention_output_type(mixture);
  if (ends_feed_forward(name)) {
    const Depth depth = feed_forward_outputs_.at(name);
    return feed_forward_output_type(mixture, depth.index, depth.count);
  }
  return main;
}

DType GgufTensorTypes::value_type(KMixture mixture, Depth depth) const {
  // Few heads of attention read many experts: exact ones cost little.
  if (has_eight_experts_) return DType::q8_0;
  switch (mixture) {
    case KMixture::q2_k_mixed:
      return shares_values_ ? DType::q4_k : DType::q3_k;
    case KMixture::q3_k_m:
      return depth.index < 2 ? DType::q5_k : DType::q4_k;
    case KMixture::q3_k_l:
      return DType::q5_k;
    case KMixture::q4_k_s:
      return depth.index < 4 ? DType::q5_k : DType::q4_k;
    case KMixture::q4_k_m:
    case KMixture::q5_k_m:
      return gets_more_bits(depth.index, depth.count) ? DType::q6_k : info_of(mixture).main;
    case KMixture::q3_k_s:
    case KMixture::q5_k_s:
      break;
  }
  return info_of(mixture).main;
}

DType GgufTensorTypes::attention_output_type(KMixture mixture) const {
  const DType main = info_of(mixture).main;
  if (has_eight_experts_) return mixture == KMixture::q3_k_l ? main : DType::q5_k;
  switch (mixture) {
    case KMixture::q2_k_mixed:
      return DType::q3_k;
    case KMixture::q3_k_m:
      return DType::q4_k;
    case KMixture::q3_k_l:
      return DType::q5_k;
    default:
      return main;
  }
}

}  // namespace bantam
