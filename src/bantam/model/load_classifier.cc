#include "bantam/model/load_classifier.h"

#include <algorithm>
#include <optional>

#include "bantam/base/error.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/memory_estimate.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"
#include "bantam/model/save_model.h"
#include "bantam/model/sentence_settings.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr const char* kLabelsKey = "labels";
constexpr const char* kProblemKey = "problem_type";

std::string_view task_type_of(HeadKind kind) {
  return kind == HeadKind::token ? "TOKEN_CLS" : "SEQ_CLS";
}

std::string_view use_of(HeadKind kind) {
  switch (kind) {
    case HeadKind::sequence:
      return "labels whole texts (`bantam predict classify` or `score`)";
    case HeadKind::token:
      return "labels words (`bantam predict tag`)";
    case HeadKind::span:
      return "finds where an answer begins and ends";
  }
  throw internal_error("head {}", static_cast<int>(kind));
}

// Weights of a head: those that an adapter saved, then those of the base, whose files may lack the
// prefix of the family ("pooler.dense.weight" for "bert.pooler.dense.weight").
class HeadWeights final : public WeightSource {
 public:
  HeadWeights(const OpenedModel& base, const PeftAdapter* adapter)
      : base_(base), adapter_(adapter) {}

  std::vector<WeightInfo> weights() const override { return base_.source->weights(); }
  bool has(std::string_view name) const override {
    return find_saved(name) != nullptr || base_.source->has(name) ||
           base_.source->has(without_prefix(name));
  }
  Tensor tensor(std::string_view name) const override {
    if (const Tensor* saved = find_saved(name)) return *saved;
    return base_.source->tensor(base_.source->has(name) ? name : without_prefix(name));
  }
  std::string description() const override { return base_.source->description(); }

 private:
  const Tensor* find_saved(std::string_view name) const {
    if (adapter_ == nullptr) return nullptr;
    const auto found =
        std::ranges::find(adapter_->saved, name, [](const auto& one) { return one.first; });
    return found == adapter_->saved.end() ? nullptr : &found->second;
  }
  std::string_view without_prefix(std::string_view name) const {
    const std::string_view prefix = base_.architecture->hf_prefix;
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  }

  const OpenedModel& base_;
  const PeftAdapter* adapter_;
};

OpenedModel open_encoder(const ModelReference& reference) {
  OpenedModel opened = open_model(reference.path, WeightCheck::automatic);
  if (opened.kind() != ModelKind::encoder) {
    throw input_error(
        "{}: expected an encoder, which reads texts and labels them; the {} family "
        "writes them",
        escaped(reference.path.string()), opened.architecture->name);
  }
  return opened;
}

// The folder's own head; none without one.
const HeadForm* own_form(const ModelReference& reference, const Architecture& family) {
  if (!std::filesystem::is_directory(reference.path)) return nullptr;
  return head_form_of(family, HfConfig::read(reference.path / "config.json"));
}

// The configuration of the folder's own head of `kind`; none without one.
std::optional<HeadConfig> own_head(const ModelReference& reference, const Architecture& family,
                                   HeadKind kind) {
  const HeadForm* form = own_form(reference, family);
  if (form == nullptr || form->kind != kind) return std::nullopt;
  return head_config_from_hf(HfConfig::read(reference.path / "config.json"), *form);
}

// A head that the files do not hold: as they configure it, else as the family does.
HeadConfig configured_head(const ModelReference& reference, const HeadForm& form,
                           std::vector<std::string> labels, std::string problem_type) {
  HeadConfig config;
  config.activation = form.activation;
  config.has_dense = !form.dense.empty();
  if (std::filesystem::is_directory(reference.path)) {
    config = head_config_from_hf(HfConfig::read(reference.path / "config.json"), form);
  }
  config.problem_type = std::move(problem_type);
  config.labels = std::move(labels);
  return config;
}

std::vector<std::string> labels_of(const PeftAdapter& files, const HeadForm& form) {
  const auto stated = files.bantam.find(kLabelsKey);
  if (stated != files.bantam.end()) {
    if (!stated->is_array() ||
        !std::ranges::all_of(*stated, [](const Json& label) { return label.is_string(); })) {
      throw input_error("adapter_config.json: 'bantam.labels' should be a list of names, found {}",
                        escaped(dump_json(*stated), 60));
    }
    return stated->get<std::vector<std::string>>();
  }
  const auto output =
      std::ranges::find(files.saved, form.output, [](const auto& one) { return one.first; });
  std::vector<std::string> labels;
  for (std::int64_t i = 0; output != files.saved.end() && i < output->second.size(0); ++i) {
    labels.push_back(fmt::format("LABEL_{}", i));
  }
  return labels;
}

// The head that an adapter saved, in place of the one that the base has or not.
HeadConfig head_of_adapter(const PeftAdapter& files, const ModelReference& reference,
                           const HeadForm& form, const std::optional<HeadConfig>& own) {
  if (!files.task_type.empty() && files.task_type != task_type_of(form.kind)) {
    throw input_error("adapter_config.json: task_type is {}, expected {} of a head that {}",
                      escaped(files.task_type, 40), task_type_of(form.kind), use_of(form.kind));
  }
  HeadConfig config = own ? *own : configured_head(reference, form, {}, "");
  std::vector<std::string> labels = labels_of(files, form);
  const auto stated = files.bantam.find(kProblemKey);
  if (stated != files.bantam.end() && stated->is_string()) {
    config.problem_type = stated->get<std::string>();
  } else if (labels.size() != config.labels.size()) {
    config.problem_type.clear();
  }
  config.labels = std::move(labels);
  return config;
}

[[noreturn]] void refuse_without_head(const ModelReference& reference, const Architecture& family,
                                      HeadKind kind) {
  if (const HeadForm* found = own_form(reference, family)) {
    throw input_error("{}: its head is a {}, which {}", escaped(reference.path.string()),
                      found->hf_class, use_of(found->kind));
  }
  throw input_error("{}: an encoder without a head for {}", escaped(reference.path.string()),
                    kind == HeadKind::token
                        ? "tags; `bantam train --objective tag` makes one from rows with spans"
                        : "labels; `bantam train` makes one from labelled rows");
}

LoadedClassifier with_head(const ModelReference& reference, const OpenedModel& opened,
                           EncoderHead head) {
  LoadedClassifier loaded;
  loaded.path = reference.path;
  loaded.name = name_of_model(reference.path);
  require_memory(estimate_memory(opened.config, *opened.source, 0), loaded.name);
  auto weights = read_decoder_weights(*opened.source, opened.naming, *opened.architecture,
                                      opened.config, loaded.warnings);
  loaded.model = std::make_shared<EncoderModel>(
      TextEncoder(*opened.architecture, opened.config, std::move(weights)), std::move(head));
  loaded.tokenizer = opened.gguf ? tokenizer_of(*opened.gguf) : load_tokenizer(reference.path);
  const SentenceSettings sentences =
      opened.gguf ? SentenceSettings() : read_sentence_settings(reference.path);
  loaded.longest =
      std::min(sentences.longest.value_or(opened.config.context), opened.config.context);
  return loaded;
}

}  // namespace

HeadKind head_kind_of(const PeftAdapter& adapter) {
  return adapter.task_type == task_type_of(HeadKind::token) ? HeadKind::token : HeadKind::sequence;
}

std::optional<HeadKind> kind_of_head(const std::string& text) {
  const ModelReference reference = resolve_model_reference(text);
  const HeadForm* form = own_form(reference, *open_encoder(reference).architecture);
  return form ? std::optional(form->kind) : std::nullopt;
}

std::vector<std::string> labels_of_head(const std::string& text, HeadKind kind) {
  const ModelReference reference = resolve_model_reference(text);
  const OpenedModel opened = open_encoder(reference);
  const auto config = own_head(reference, *opened.architecture, kind);
  return config ? config->labels : std::vector<std::string>();
}

LoadedClassifier load_classifier(const std::string& text, HeadKind kind) {
  const ModelReference reference = resolve_model_reference(text);
  const OpenedModel opened = open_encoder(reference);
  const HeadForm& form = head_form(*opened.architecture, kind);
  std::vector<PeftAdapter> adapters;
  const PeftAdapter* with_saved = nullptr;
  for (const AdapterReference& adapter : reference.adapters) {
    adapters.push_back(read_peft_adapter(adapter.path));
  }
  for (const PeftAdapter& adapter : adapters) {
    if (!adapter.saved.empty()) with_saved = &adapter;
  }
  std::optional<HeadConfig> config = own_head(reference, *opened.architecture, kind);
  if (with_saved != nullptr) config = head_of_adapter(*with_saved, reference, form, config);
  if (!config || config->labels.empty()) refuse_without_head(reference, *opened.architecture, kind);
  LoadedClassifier loaded = with_head(
      reference, opened,
      read_encoder_head(HeadWeights(opened, with_saved), form, *config, opened.config.width));
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const AdapterReference& wanted = reference.adapters[i];
    auto adapter = adapter_of(loaded.model->encoder(), adapters[i], wanted.path);
    adapter->gate.value = wanted.scale;
    loaded.model->encoder().attach(std::move(adapter));
  }
  return loaded;
}

LoadedClassifier load_with_new_head(const std::string& text, NewHead wanted, std::uint64_t seed) {
  const ModelReference reference = resolve_model_reference(text);
  if (!reference.adapters.empty()) {
    throw usage_error("{}: a new head is trained on the encoder itself; fold the adapter in first",
                      escaped(text));
  }
  const OpenedModel opened = open_encoder(reference);
  const HeadForm& form = head_form(*opened.architecture, wanted.kind);
  EncoderHead head = random_encoder_head(
      form,
      configured_head(reference, form, std::move(wanted.labels), std::move(wanted.problem_type)),
      opened.config.width, seed);
  const HeadWeights files(opened, nullptr);
  if (head.config.has_dense && files.has(form.dense)) {
    const std::string bias = fmt::format("{}.bias", form.dense.substr(0, form.dense.rfind('.')));
    head.dense.weight = dequantize(files.tensor(form.dense));
    if (files.has(bias)) head.dense.bias = dequantize(files.tensor(bias));
  }
  return with_head(reference, opened, std::move(head));
}

void save_classifier_adapter(const LoadedClassifier& loaded, const Adapter& adapter,
                             const Path& folder) {
  PeftAdapter files;
  files.base_model = loaded.name;
  const HeadConfig& config = loaded.model->head().config;
  files.task_type = task_type_of(loaded.model->kind());
  files.bantam[kLabelsKey] = config.labels;
  if (!config.problem_type.empty()) files.bantam[kProblemKey] = config.problem_type;
  for (const auto& [name, weight] : tensors_of(loaded.model->head())) {
    files.saved.emplace_back(name, weight.stop_gradient());
    const std::string module = name.substr(0, name.rfind('.'));
    if (!std::ranges::count(files.saved_modules, module)) files.saved_modules.push_back(module);
  }
  save_peft_adapter(loaded.model->encoder(), adapter, std::move(files), folder);
}

}  // namespace bantam
