#include "bantam/model/encoder_heads.h"

#include "bantam/base/error.h"
#include "bantam/base/random.h"
#include "bantam/base/version.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/open_model.h"
#include "bantam/model/save_model.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr std::size_t kMostLabels = 1 << 20;

std::string_view kind_name(HeadKind kind) {
  switch (kind) {
    case HeadKind::sequence:
      return "sequence";
    case HeadKind::token:
      return "token";
    case HeadKind::span:
      return "span";
  }
  throw internal_error("head {}", static_cast<int>(kind));
}

std::string classes_of(const Architecture& family) {
  std::string names;
  for (const HeadForm& form : family.heads) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", form.hf_class);
  }
  return names.empty() ? "none" : names;
}

// The first of "architectures"; empty without one.
std::string stated_class(const HfConfig& config) {
  const auto classes = config.json().find("architectures");
  const bool is_named = classes != config.json().end() && classes->is_array() &&
                        !classes->empty() && classes->front().is_string();
  return is_named ? classes->front().get<std::string>() : "";
}

std::string bias_name(std::string_view weight) {
  return fmt::format("{}.bias", weight.substr(0, weight.rfind('.')));
}

// "id2label" names labels by their number as text.
std::vector<std::string> labels_from_hf(const HfConfig& config) {
  const auto named = config.object("id2label");
  const auto count = named ? static_cast<std::int64_t>(named->json().size())
                           : config.integer("num_labels").value_or(2);
  if (count < 1 || count > static_cast<std::int64_t>(kMostLabels)) {
    throw input_error("{}: {} labels; expected 1 to {}", config.where(), count,
                      with_commas(kMostLabels));
  }
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    labels.push_back(named ? named->require_string(std::to_string(i)) : fmt::format("LABEL_{}", i));
  }
  return labels;
}

Tensor in_f32(const Tensor& tensor) {
  return tensor.dtype() == DType::f32 ? tensor : dequantize(tensor);
}

// Weights of a head by their names in the file; what is missing is told at once.
class HeadReader {
 public:
  explicit HeadReader(const WeightSource& source) : source_(source) {}

  LinearLayer linear(const char* site, std::string_view weight, std::int64_t outputs,
                     std::int64_t inputs) {
    LinearLayer layer;
    layer.site = site;
    layer.weight = tensor(weight, {outputs, inputs});
    if (source_.has(bias_name(weight))) layer.bias = in_f32(tensor(bias_name(weight), {outputs}));
    return layer;
  }

  NormLayer norm(std::string_view weight, std::int64_t width) {
    NormLayer layer{"head.norm", in_f32(tensor(weight, {width})), {}};
    if (source_.has(bias_name(weight))) layer.bias = in_f32(tensor(bias_name(weight), {width}));
    return layer;
  }

  void finish() const {
    if (missing_.empty()) return;
    throw input_error("{}: weights of the head are missing: {}; this is the encoder alone",
                      source_.description(), missing_);
  }

 private:
  Tensor tensor(std::string_view name, const Shape& shape) {
    if (!source_.has(name)) {
      missing_ += fmt::format("{}{}", missing_.empty() ? "" : ", ", name);
      return Tensor::zeros(shape);
    }
    Tensor found = source_.tensor(name);
    if (!(found.shape() == shape)) {
      throw input_error("{}: {} is {}, the configuration asks for {}", source_.description(), name,
                        found.shape().text(), shape.text());
    }
    return found;
  }

  const WeightSource& source_;
  std::string missing_;
};

Tensor normal(const Shape& shape, const char* site, std::uint64_t seed) {
  constexpr double kDeviation = 0.02;
  const RandomStream stream(seed, site);
  Tensor tensor = Tensor::empty(shape);
  float* values = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.count(); ++i) {
    values[i] = static_cast<float>(kDeviation * stream.normal_at(static_cast<std::uint64_t>(i)));
  }
  return tensor;
}

LinearLayer random_linear(const char* site, std::int64_t outputs, std::int64_t inputs,
                          std::uint64_t seed) {
  LinearLayer layer;
  layer.site = site;
  layer.weight = normal({outputs, inputs}, site, seed);
  layer.bias = Tensor::zeros({outputs});
  return layer;
}

std::vector<std::int64_t> lengths_of_texts(const AttentionPlan& plan) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t token = 0; token < plan.tokens(); token += lengths.back()) {
    lengths.push_back(plan.lengths[static_cast<std::size_t>(token)]);
  }
  return lengths;
}

}  // namespace

HeadOutput output_of(const HeadConfig& config) {
  const bool is_one = config.labels.size() == 1;
  if (config.problem_type.empty()) return is_one ? HeadOutput::number : HeadOutput::classes;
  if (config.problem_type == "single_label_classification") return HeadOutput::classes;
  if (config.problem_type == "multi_label_classification") return HeadOutput::labels;
  if (config.problem_type != "regression") {
    throw input_error(
        "problem_type '{}' is not known; expected regression, single_label_classification or "
        "multi_label_classification",
        escaped(config.problem_type, 60));
  }
  if (is_one) return HeadOutput::number;
  throw input_error("problem_type is regression with {} numbers; expected one",
                    config.labels.size());
}

const HeadForm& head_form(const Architecture& family, HeadKind kind) {
  for (const HeadForm& form : family.heads) {
    if (form.kind == kind) return form;
  }
  throw input_error("the {} family has no {} head; its heads: {}", family.name, kind_name(kind),
                    classes_of(family));
}

const HeadForm* head_form_of_class(const Architecture& family, std::string_view hf_class) {
  for (const HeadForm& form : family.heads) {
    if (form.hf_class == hf_class) return &form;
  }
  return nullptr;
}

const HeadForm* head_form_of(const Architecture& family, const HfConfig& config) {
  return head_form_of_class(family, stated_class(config));
}

HeadConfig head_config_from_hf(const HfConfig& config, const HeadForm& form) {
  HeadConfig out;
  out.labels = labels_from_hf(config);
  out.activation = form.activation;
  if (!form.activation_key.empty()) {
    const std::string name =
        config.string(form.activation_key).value_or(std::string(activation_name(form.activation)));
    const auto activation = activation_named(name);
    if (!activation) {
      throw input_error("{}: {} '{}' is not known", config.where(), form.activation_key,
                        escaped(name));
    }
    out.activation = *activation;
  }
  if (!form.pooling_key.empty()) {
    const std::string name = config.string(form.pooling_key).value_or("cls");
    if (name != "cls" && name != "mean") {
      throw input_error("{}: {} is '{}'; expected cls or mean", config.where(), form.pooling_key,
                        escaped(name));
    }
    out.pooling = name == "cls" ? Pooling::first : Pooling::mean;
  }
  out.has_dense = !form.dense.empty() &&
                  (form.dense_key.empty() || config.boolean(form.dense_key).value_or(true));
  out.problem_type = config.string("problem_type").value_or("");
  return out;
}

void head_config_to_hf(const HeadConfig& config, const HeadForm& form, bool dense_has_bias,
                       Json& json) {
  json["architectures"] = {form.hf_class};
  json["id2label"] = Json::object();
  json["label2id"] = Json::object();
  for (std::size_t i = 0; i < config.labels.size(); ++i) {
    json["id2label"][std::to_string(i)] = config.labels[i];
    json["label2id"][config.labels[i]] = i;
  }
  if (!config.problem_type.empty()) json["problem_type"] = config.problem_type;
  const auto set = [&json](std::string_view key, const Json& value) {
    if (!key.empty()) json[std::string(key)] = value;
  };
  set(form.activation_key, activation_name(config.activation));
  set(form.pooling_key, config.pooling == Pooling::first ? "cls" : "mean");
  set(form.dense_key, config.has_dense);
  set(form.bias_key, dense_has_bias);
}

Tensor EncoderHead::forward(const Tensor& states, std::span<const std::int64_t> lengths,
                            const DecoderConfig& encoder, Taps* taps) const {
  Tensor x = form->kind == HeadKind::sequence
                 ? TextEncoder::pooled(states, lengths, config.pooling, false)
                 : states;
  if (config.has_dense) x = activate(config.activation, dense.forward(x, taps));
  if (norm.present()) x = norm.forward(x, encoder.norm, encoder.norm_epsilon, taps);
  return output.forward(x, taps);
}

std::vector<Parameter> EncoderHead::parameters() {
  std::vector<Parameter> list;
  const auto add = [&](const std::string& name, Tensor& tensor, ParameterRole role) {
    if (tensor.defined()) list.push_back({name, &tensor, role, -1});
  };
  add(dense.site + ".weight", dense.weight, ParameterRole::head);
  add(dense.site + ".bias", dense.bias, ParameterRole::bias);
  add(norm.site + ".weight", norm.weight, ParameterRole::norm);
  add(norm.site + ".bias", norm.bias, ParameterRole::norm);
  add(output.site + ".weight", output.weight, ParameterRole::head);
  add(output.site + ".bias", output.bias, ParameterRole::bias);
  return list;
}

EncoderHead read_encoder_head(const WeightSource& source, const HeadForm& form, HeadConfig config,
                              std::int64_t width) {
  HeadReader reader(source);
  EncoderHead head{&form, std::move(config), {}, {}, {}};
  if (head.config.has_dense) head.dense = reader.linear("head.dense", form.dense, width, width);
  if (!form.norm.empty()) head.norm = reader.norm(form.norm, width);
  head.output = reader.linear("head.output", form.output, std::ssize(head.config.labels), width);
  reader.finish();
  return head;
}

EncoderHead random_encoder_head(const HeadForm& form, HeadConfig config, std::int64_t width,
                                std::uint64_t seed) {
  EncoderHead head{&form, std::move(config), {}, {}, {}};
  if (head.config.has_dense) head.dense = random_linear("head.dense", width, width, seed);
  if (!form.norm.empty()) head.norm = {"head.norm", Tensor::full({width}, 1), {}};
  head.output = random_linear("head.output", std::ssize(head.config.labels), width, seed);
  return head;
}

Tensor EncoderModel::logits(const Batch& batch, Taps* taps) const {
  return head_.forward(encoder_.hidden(batch, nullptr, taps), lengths_of_texts(batch.plan),
                       encoder_.config(), taps);
}

std::vector<Parameter> EncoderModel::parameters() {
  std::vector<Parameter> list = encoder_.parameters();
  for (Parameter& parameter : head_.parameters()) list.push_back(std::move(parameter));
  return list;
}

EncoderModel read_encoder_model(const Path& folder, std::vector<std::string>& warnings) {
  const OpenedModel opened = open_model(folder, WeightCheck::automatic);
  const HfConfig config = HfConfig::read(folder / "config.json");
  const HeadForm* form = head_form_of(*opened.architecture, config);
  if (form == nullptr) {
    throw input_error("{}: architectures names '{}'; heads of the {} family: {}", config.where(),
                      escaped(stated_class(config)), opened.architecture->name,
                      classes_of(*opened.architecture));
  }
  auto weights = read_decoder_weights(*opened.source, opened.naming, *opened.architecture,
                                      opened.config, warnings);
  EncoderHead head = read_encoder_head(*opened.source, *form, head_config_from_hf(config, *form),
                                       opened.config.width);
  return {TextEncoder(*opened.architecture, opened.config, std::move(weights)), std::move(head)};
}

std::vector<std::pair<std::string, Tensor>> tensors_of(const EncoderHead& head) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  const auto add = [&](std::string_view name, const Tensor& weight, const Tensor& bias) {
    if (weight.defined()) tensors.emplace_back(name, weight);
    if (bias.defined()) tensors.emplace_back(bias_name(name), bias);
  };
  add(head.form->dense, head.dense.weight, head.dense.bias);
  add(head.form->norm, head.norm.weight, head.norm.bias);
  add(head.form->output, head.output.weight, head.output.bias);
  return tensors;
}

void write_encoder_model(EncoderModel& model, const Path& folder, DType dtype,
                         std::uint64_t max_shard_bytes) {
  const EncoderHead& head = model.head();
  write_hf_weights(model.encoder(), folder, dtype, tensors_of(head), silent_progress(),
                   max_shard_bytes);
  Json json = hf_config_of(model.encoder());
  head_config_to_hf(head.config, *head.form, head.dense.bias.defined(), json);
  json["bantam_version"] = version();
  // Last: a folder without it is not a model, so an interrupted export is never taken for one.
  write_file_atomically(folder / "config.json", dump_json(json, 2) + "\n");
}

}  // namespace bantam
