#include "bantam/model/sentence_layers.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/safetensors.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr float kNormEpsilon = 1e-5f;  // torch's, which no file states

struct ActivationClass {
  std::optional<Activation> activation;
  std::string_view torch;
};
constexpr std::array<ActivationClass, 5> kActivations = {{
    {Activation::tanh, "torch.nn.modules.activation.Tanh"},
    {Activation::gelu, "torch.nn.modules.activation.GELU"},
    {Activation::relu, "torch.nn.modules.activation.ReLU"},
    {Activation::silu, "torch.nn.modules.activation.SiLU"},
    {std::nullopt, "torch.nn.modules.linear.Identity"},
}};

std::optional<Activation> activation_of(const HfConfig& config) {
  constexpr const char* kKey = "activation_function";
  const std::string name = config.string(kKey).value_or(std::string(kActivations[0].torch));
  const auto found = std::ranges::find(kActivations, name, &ActivationClass::torch);
  if (found != kActivations.end()) return found->activation;
  std::string known;
  for (const ActivationClass& each : kActivations) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", each.torch);
  }
  throw input_error("{}: {} is '{}'; known: {}", config.where(), kKey, escaped(name), known);
}

void require_plain_dense(const HfConfig& config) {
  constexpr std::string_view kVector = "sentence_embedding";
  for (const char* key : {"module_input_name", "module_output_name"}) {
    if (!config.has(key) || config.string(key) == kVector) continue;
    throw input_error("{}: {} is '{}'; expected {}", config.where(), key,
                      escaped(*config.string(key)), kVector);
  }
  if (config.boolean("use_residual").value_or(false)) {
    throw input_error("{}: use_residual is true; expected a linear and its activation alone",
                      config.where());
  }
}

Tensor read_weight(const WeightSource& source, const char* name, const Shape& shape) {
  if (!source.has(name)) throw input_error("{}: {} is missing", source.description(), name);
  const Tensor tensor = source.tensor(name);
  if (!(tensor.shape() == shape)) {
    throw input_error("{}: {} is {}, config.json asks for {}", source.description(), name,
                      tensor.shape().text(), shape.text());
  }
  return tensor.dtype() == DType::f32 ? tensor : dequantize(tensor);
}

std::shared_ptr<const SafetensorsFile> open_weights_of(const Path& folder) {
  const Path file = folder / "model.safetensors";
  if (std::filesystem::exists(file)) return SafetensorsFile::open(file);
  throw input_error("{} is missing; save the model with a recent sentence-transformers",
                    escaped(file.string()));
}

}  // namespace

std::int64_t SentenceLayer::inputs() const {
  return is_dense() ? dense.inputs() : norm.weight.size(0);
}

std::int64_t SentenceLayer::outputs() const {
  return is_dense() ? dense.outputs() : norm.weight.size(0);
}

Tensor SentenceLayer::forward(const Tensor& x) const {
  if (!is_dense()) return norm.forward(x, NormKind::layer, kNormEpsilon, nullptr);
  const Tensor y = dense.forward(x, nullptr);
  return activation ? activate(*activation, y) : y;
}

SentenceLayer read_sentence_dense(const Path& folder) {
  const HfConfig config = HfConfig::read(folder / "config.json");
  require_plain_dense(config);
  const std::int64_t inputs = config.require_integer("in_features");
  const std::int64_t outputs = config.require_integer("out_features");
  const auto source = open_weights_of(folder);
  SentenceLayer layer;
  layer.activation = activation_of(config);
  layer.dense.site = folder.filename().string();
  layer.dense.weight = read_weight(*source, "linear.weight", {outputs, inputs});
  if (config.boolean("bias").value_or(true)) {
    layer.dense.bias = read_weight(*source, "linear.bias", {outputs});
  }
  return layer;
}

SentenceLayer read_sentence_norm(const Path& folder) {
  const HfConfig config = HfConfig::read(folder / "config.json");
  const Shape shape{config.require_integer("dimension")};
  const auto source = open_weights_of(folder);
  SentenceLayer layer;
  layer.norm = {folder.filename().string(), read_weight(*source, "norm.weight", shape),
                read_weight(*source, "norm.bias", shape)};
  return layer;
}

void write_sentence_layer(const SentenceLayer& layer, const Path& folder) {
  Json config;
  std::vector<std::pair<std::string, Tensor>> weights;
  if (layer.is_dense()) {
    const auto found =
        std::ranges::find(kActivations, layer.activation, &ActivationClass::activation);
    if (found == kActivations.end()) {
      throw internal_error("sentence layer: an activation that torch names otherwise");
    }
    config = {{"in_features", layer.inputs()},
              {"out_features", layer.outputs()},
              {"bias", layer.dense.bias.defined()},
              {"activation_function", found->torch}};
    weights.emplace_back("linear.weight", layer.dense.weight);
    if (layer.dense.bias.defined()) weights.emplace_back("linear.bias", layer.dense.bias);
  } else {
    config = {{"dimension", layer.outputs()}};
    weights = {{"norm.weight", layer.norm.weight}, {"norm.bias", layer.norm.bias}};
  }
  std::filesystem::create_directories(folder);
  write_safetensors(folder / "model.safetensors", weights);
  write_file_atomically(folder / "config.json", dump_json(config, 2) + "\n");
}

std::int64_t width_behind(std::span<const SentenceLayer> layers, std::int64_t width) {
  for (const SentenceLayer& layer : layers) {
    if (layer.inputs() != width) {
      throw input_error("{} reads vectors of {} features, what stands in front of it makes {}",
                        layer.is_dense() ? layer.dense.site : layer.norm.site, layer.inputs(),
                        width);
    }
    width = layer.outputs();
  }
  return width;
}

}  // namespace bantam
