#include "bantam/model/decoder_weights.h"

#include <cstring>
#include <set>

#include "bantam/base/error.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

// Row r of the result is row source_of(r) of the weight; rows of quantized types are whole blocks,
// so this is exact.
Tensor reorder_rows(const Tensor& weight,
                    const std::function<std::int64_t(std::int64_t)>& source_of) {
  Tensor out = Tensor::empty(weight.shape(), weight.dtype());
  const std::uint64_t row_bytes = weight.byte_size() / static_cast<std::uint64_t>(weight.size(0));
  for (std::int64_t row = 0; row < weight.size(0); ++row) {
    std::memcpy(out.writable_bytes() + static_cast<std::uint64_t>(row) * row_bytes,
                weight.bytes() + static_cast<std::uint64_t>(source_of(row)) * row_bytes, row_bytes);
  }
  return out;
}

void require_heads(const Tensor& weight, std::int64_t heads) {
  if (weight.rank() < 1 || weight.size(0) % (2 * heads) != 0) {
    throw input_error("weight {} cannot be split into {} heads of pairs", weight.shape().text(),
                      heads);
  }
}

bool is_rotated(std::string_view site) {
  return site.ends_with("attn.q.weight") || site.ends_with("attn.k.weight");
}

std::string_view file_name(const WeightName& name, WeightNaming naming) {
  return naming == WeightNaming::hf ? name.hf : name.gguf;
}

std::string without_suffix(std::string_view text) {
  return std::string(text.substr(0, text.rfind('.')));
}

// Finds tensors by site, and remembers what was missing and what was used.
class Reader {
 public:
  Reader(const WeightSource& source, WeightNaming naming, const Architecture& architecture,
         const DecoderConfig& config)
      : source_(source), naming_(naming), architecture_(architecture), config_(config) {}

  Tensor weight(std::string_view pattern, int layer) {
    const WeightName& entry = architecture_.weight(pattern);
    const std::string name = with_layer(file_name(entry, naming_), layer);
    if (!source_.has(name)) {
      missing_.push_back(name);
      return {};
    }
    used_.insert(name);
    return in_our_order(pattern, source_.tensor(name));
  }

  LinearLayer linear(std::string_view pattern, int layer) {
    LinearLayer out;
    out.site = with_layer(pattern, layer);
    const std::string weight_pattern = std::string(pattern) + ".weight";
    out.weight = weight(weight_pattern, layer);
    const WeightName& entry = architecture_.weight(weight_pattern);
    const std::string bias = with_layer(without_suffix(file_name(entry, naming_)) + ".bias", layer);
    if (source_.has(bias)) {
      used_.insert(bias);
      out.bias = in_our_order(weight_pattern, source_.tensor(bias));
    }
    return out;
  }

  NormLayer norm(std::string_view pattern, int layer) {
    return {with_layer(pattern, layer), weight(std::string(pattern) + ".weight", layer)};
  }

  void finish(std::vector<std::string>& warnings) const {
    if (!missing_.empty()) {
      std::string names;
      for (std::size_t i = 0; i < std::min<std::size_t>(missing_.size(), 5); ++i) {
        names += (i == 0 ? "" : ", ") + missing_[i];
      }
      throw input_error(
          "{}: {} tensors are missing: {}{}; the file is incomplete or of another family",
          source_.description(), missing_.size(), names, missing_.size() > 5 ? ", …" : "");
    }
    std::vector<std::string> extra;
    for (const WeightInfo& info : source_.weights()) {
      if (!used_.contains(info.name) && info.name != "rope_freqs.weight")
        extra.push_back(escaped(info.name));
    }
    if (extra.empty()) return;
    warnings.push_back(
        fmt::format("{}: {} tensors are not part of the {} family and were left out, first: {}",
                    source_.description(), extra.size(), architecture_.name, extra.front()));
  }

 private:
  Tensor in_our_order(std::string_view pattern, Tensor tensor) const {
    const bool interleaved =
        naming_ == WeightNaming::gguf && architecture_.gguf_interleaves_rotation;
    if (!interleaved || !is_rotated(pattern)) return tensor;
    return deinterleave_rotation(tensor,
                                 pattern.ends_with("q.weight") ? config_.heads : config_.kv_heads);
  }

  const WeightSource& source_;
  WeightNaming naming_;
  const Architecture& architecture_;
  const DecoderConfig& config_;
  std::vector<std::string> missing_;
  std::set<std::string> used_;
};

DecoderLayer read_layer(Reader& reader, int i) {
  DecoderLayer layer;
  layer.site = with_layer("layers.#", i);
  layer.attention.site = layer.site + ".attn";
  layer.feed_forward.site = layer.site + ".mlp";
  layer.attention_norm = reader.norm("layers.#.attn_norm", i);
  layer.attention.query = reader.linear("layers.#.attn.q", i);
  layer.attention.key = reader.linear("layers.#.attn.k", i);
  layer.attention.value = reader.linear("layers.#.attn.v", i);
  layer.attention.output = reader.linear("layers.#.attn.o", i);
  layer.feed_forward_norm = reader.norm("layers.#.mlp_norm", i);
  layer.feed_forward.gate = reader.linear("layers.#.mlp.gate", i);
  layer.feed_forward.up = reader.linear("layers.#.mlp.up", i);
  layer.feed_forward.down = reader.linear("layers.#.mlp.down", i);
  return layer;
}

}  // namespace

Tensor interleave_rotation(const Tensor& weight, std::int64_t heads) {
  require_heads(weight, heads);
  const std::int64_t width = weight.size(0) / heads, half = width / 2;
  return reorder_rows(weight, [=](std::int64_t row) {
    const std::int64_t head = row / width, within = row % width;
    return head * width + (within % 2) * half + within / 2;
  });
}

Tensor deinterleave_rotation(const Tensor& weight, std::int64_t heads) {
  require_heads(weight, heads);
  const std::int64_t width = weight.size(0) / heads, half = width / 2;
  return reorder_rows(weight, [=](std::int64_t row) {
    const std::int64_t head = row / width, within = row % width;
    return head * width + 2 * (within % half) + within / half;
  });
}

CausalLM::Weights read_decoder_weights(const WeightSource& source, WeightNaming naming,
                                       const Architecture& architecture,
                                       const DecoderConfig& config,
                                       std::vector<std::string>& warnings) {
  Reader reader(source, naming, architecture, config);
  CausalLM::Weights weights;
  weights.embedding = reader.weight("embed.weight", 0);
  for (int i = 0; i < config.layers; ++i) weights.layers.push_back(read_layer(reader, i));
  weights.norm = reader.norm("norm", 0);
  if (!config.tied_head) weights.head = reader.linear("head", 0);
  // Norms are read by every op in f32; they are tiny.
  const auto to_f32 = [](Tensor& tensor) {
    if (tensor.defined() && tensor.dtype() != DType::f32) tensor = dequantize(tensor);
  };
  to_f32(weights.norm.weight);
  for (DecoderLayer& layer : weights.layers) {
    to_f32(layer.attention_norm.weight);
    to_f32(layer.feed_forward_norm.weight);
  }
  reader.finish(warnings);
  return weights;
}

void visit_decoder_weights(const CausalLM& model, WeightNaming naming,
                           const std::function<void(const std::string&, const Tensor&)>& visit) {
  const Architecture& architecture = model.architecture();
  const bool interleave = naming == WeightNaming::gguf && architecture.gguf_interleaves_rotation;
  auto& source = const_cast<CausalLM&>(model);  // parameters() hands out pointers; only read here
  for (const Parameter& parameter : source.parameters()) {
    if (parameter.role == ParameterRole::adapter) continue;
    const bool is_bias = parameter.role == ParameterRole::bias;
    std::string pattern = parameter.name;
    if (parameter.layer >= 0) {
      const std::string prefix = fmt::format("layers.{}.", parameter.layer);
      pattern = "layers.#." + pattern.substr(prefix.size());
    }
    if (is_bias) pattern = without_suffix(pattern) + ".weight";
    std::string name = with_layer(file_name(architecture.weight(pattern), naming), parameter.layer);
    if (is_bias) name = without_suffix(name) + ".bias";
    const std::int64_t heads =
        pattern.ends_with("q.weight") ? model.config().heads : model.config().kv_heads;
    const bool reorder = interleave && is_rotated(pattern);
    visit(name, reorder ? interleave_rotation(*parameter.tensor, heads) : *parameter.tensor);
  }
}

}  // namespace bantam
