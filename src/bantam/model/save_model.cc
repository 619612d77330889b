#include "bantam/model/save_model.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "bantam/base/error.h"
#include "bantam/base/system_error.h"
#include "bantam/base/version.h"
#include "bantam/model/architecture.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/gguf.h"
#include "bantam/model/gguf_vocabulary.h"
#include "bantam/model/kept_metadata.h"
#include "bantam/model/legacy/legacy_tokenizer.h"
#include "bantam/model/lora_parts.h"
#include "bantam/model/peft_files.h"
#include "bantam/model/rounded_weights.h"
#include "bantam/model/safetensors.h"
#include "bantam/model/save_tokenizer.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/text/vocabulary_check.h"

namespace bantam {
namespace {

void require_merged(const Transformer& model) {
  if (!model.adapters().empty()) {
    throw internal_error("save: adapter '{}' is still attached; merge or detach it first",
                         model.adapters().front()->name);
  }
}

// A linear as PEFT sees it: "layers.3.attn.q" is
// "base_model.model.model.layers.3.self_attn.q_proj", or a part of "….qkv_proj" with others.
std::string peft_module(const Architecture& architecture, const std::string& site) {
  const SitePattern place = pattern_of_site(site + ".weight");
  const WeightName& name = architecture.weight(place.pattern);
  const std::string weight = with_expert(with_layer(name.hf, place.layer), place.expert);
  return "base_model.model." + weight.substr(0, weight.rfind('.'));
}

// The linears of a model by the module of PEFT that holds them, parts in the order of their rows.
std::map<std::string, std::vector<LoraPart>> parts_in_files(const Transformer& model) {
  std::map<std::string, std::vector<LoraPart>> modules;
  for (const LinearLayer* linear : model.linears()) {
    modules[peft_module(model.architecture(), linear->site)].push_back(
        {.site = linear->site, .inputs = linear->inputs(), .outputs = linear->outputs()});
  }
  for (auto& [module, parts] : modules) place_rows(parts);
  return modules;
}

// Numbers that were f32 get the fewest digits that give them back: 1e-06 for 9.999999974752427e-07.
void shorten_numbers(Json& value) {
  if (value.is_structured()) {
    for (Json& inner : value) shorten_numbers(inner);
  } else if (value.is_number_float()) {
    const auto narrow = static_cast<float>(value.get<double>());
    if (static_cast<double>(narrow) != value.get<double>()) return;
    const std::string digits = fmt::format("{}", narrow);
    double shortest = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), shortest);
    value = shortest;
  }
}

std::string torch_name(DType dtype) {
  return dtype == DType::bf16 ? "bfloat16" : dtype == DType::f16 ? "float16" : "float32";
}

// What every GGUF file of a model is made of.
struct NamedModel {
  const Transformer& model;
  const Tokenizer& tokenizer;
  const std::string& name;
  const Path& path;  // where the model came from
};

void add_gguf_weights(const Transformer& model, const GgufWeightType& type, GgufWriter& writer) {
  std::vector<std::pair<std::string, Tensor>> weights;
  std::vector<std::string> names;
  visit_decoder_weights(model, WeightNaming::gguf,
                        [&](const std::string& name, const Tensor& weight) {
                          weights.emplace_back(name, weight);
                          names.push_back(name);
                        });
  const GgufTensorTypes types(type, model.config(), std::move(names));
  for (const auto& [name, weight] : weights) {
    const DType dtype = types.of(name, weight.shape());
    writer.add(name, weight.shape(), dtype,
               [weight = weight, dtype] { return rounded_to(weight, dtype); });
  }
}

// Whether two separators stand between the texts of a pair, as in RoBERTa.
bool separates_twice(const Tokenizer& tokenizer) {
  return tokenizer.model_input("", "").ids.size() == tokenizer.model_input("").ids.size() + 2;
}

GgufWriter gguf_of(const NamedModel& named, const GgufWeightType& type,
                   const std::string& provenance) {
  require_merged(named.model);
  const Architecture& architecture = named.model.architecture();
  if (architecture.config_to_gguf == nullptr) {
    throw input_error(
        "GGUF has no form for models of the {} family; export a Hugging Face folder instead",
        architecture.name);
  }
  GgufWriter writer;
  writer.set("general.architecture", std::string(architecture.gguf_name));
  writer.set("general.type", std::string("model"));
  const bool has_ending = named.name.ends_with(".gguf");
  writer.set("general.name", has_ending ? named.name.substr(0, named.name.size() - 5) : named.name);
  std::string before;
  for (auto& [key, value] : kept_metadata(named.path)) {
    const auto* text = std::get_if<std::string>(&value);
    if (key == "bantam.provenance" && text != nullptr) before = *text;
    writer.set(key, std::move(value));
  }
  writer.set("general.file_type", gguf_file_type(type));
  writer.set("general.quantization_version", std::uint32_t{2});
  writer.set("bantam.version", std::string(version()));
  if (!provenance.empty()) {
    writer.set("bantam.provenance",
               before.empty() ? provenance : provenance + "; before that " + before);
  }
  architecture.config_to_gguf(named.model.config(), writer);
  set_gguf_vocabulary(writer, named.tokenizer.vocabulary(), named.model.config().vocabulary);
  add_gguf_weights(named.model, type, writer);
  return writer;
}

}  // namespace

Json hf_config_of(const Transformer& model) {
  Json config = model.architecture().config_to_hf(model.config());
  // transformers makes no biases that config.json does not speak of, and leaves those in files out.
  for (const HfBiasKey& key : model.architecture().hf_bias_keys) {
    config[key.key] = std::ranges::any_of(model.linears(), [&](const LinearLayer* linear) {
      return linear->bias.defined() && pattern_of_site(linear->site).pattern == key.site;
    });
  }
  shorten_numbers(config);
  return config;
}

void write_hf_weights(const Transformer& model, const Path& folder, DType dtype,
                      std::span<const std::pair<std::string, Tensor>> more, ProgressSink& progress,
                      std::uint64_t max_shard_bytes) {
  require_merged(model);
  if (!info(dtype).is_float) {
    throw usage_error("a Hugging Face folder holds f32, bf16 or f16 weights, not {}",
                      info(dtype).name);
  }
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw system_error(failed.value(), folder, "make the folder", Error::Kind::usage);
  std::vector<std::pair<std::string, Tensor>> weights;
  visit_decoder_weights(
      model, WeightNaming::hf,
      [&](const std::string& name, const Tensor& weight) { weights.emplace_back(name, weight); });
  weights.insert(weights.end(), more.begin(), more.end());
  ProgressPhase phase(progress, "Writing tensors", static_cast<double>(weights.size()), "tensors");
  double written = 0;
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, weight] : weights) {
    entries.push_back({name, weight.shape(), dtype, [&, weight = weight] {
                         phase.advance(++written);
                         return rounded_to(weight, dtype);
                       }});
  }
  write_safetensors_folder(folder, entries, max_shard_bytes);
}

void save_hf_folder(const LoadedModel& model, const Path& folder, DType dtype,
                    ProgressSink& progress, std::uint64_t max_shard_bytes) {
  write_hf_weights(*model.model, folder, dtype, {}, progress, max_shard_bytes);
  Json json = hf_config_of(*model.model);
  json["torch_dtype"] = torch_name(dtype);
  json["bos_token_id"] = model.tokenizer->bos() ? Json(*model.tokenizer->bos()) : Json(nullptr);
  json["eos_token_id"] = model.tokenizer->eos() ? Json(*model.tokenizer->eos()) : Json(nullptr);
  json["bantam_version"] = version();
  save_tokenizer_files(*model.tokenizer, model.chat_template.get(), model.model->config().context,
                       folder);
  Json generation = model.generation_defaults;
  for (const char* key : {"bos_token_id", "eos_token_id"}) {
    if (!json[key].is_null() && !generation.contains(key)) generation[key] = json[key];
  }
  write_file_atomically(folder / "generation_config.json", dump_json(generation, 2) + "\n");
  // config.json last: a folder without it is not a model, so an interrupted export is never taken
  // for one.
  write_file_atomically(folder / "config.json", dump_json(json, 2) + "\n");
}

void save_hf_folder(const LoadedEncoder& model, const Path& folder, DType dtype,
                    ProgressSink& progress, std::uint64_t max_shard_bytes) {
  write_hf_weights(*model.model, folder, dtype, {}, progress, max_shard_bytes);
  const DecoderConfig& config = model.model->config();
  save_tokenizer_files(*model.tokenizer, nullptr, model.sentences.longest.value_or(config.context),
                       folder);
  write_sentence_settings(model.sentences, config.width, folder);
  Json json = hf_config_of(*model.model);
  json["torch_dtype"] = torch_name(dtype);
  json["bantam_version"] = version();
  write_file_atomically(folder / "config.json", dump_json(json, 2) + "\n");
}

void save_seq2seq(const LoadedSeq2Seq& model, const Path& folder, DType dtype,
                  ProgressSink& progress, std::uint64_t max_shard_bytes) {
  write_hf_weights(*model.model, folder, dtype, {}, progress, max_shard_bytes);
  if (model.tokenizer && !is_two_way(model.tokenizer->vocabulary())) {
    copy_legacy_tokenizer(model.path, folder);
  } else if (model.tokenizer) {
    save_tokenizer_files(*model.tokenizer, nullptr, model.model->config().context, folder);
  }
  Json generation = model.generation_defaults;
  generation.update(model.tokens.to_json());
  write_file_atomically(folder / "generation_config.json", dump_json(generation, 2) + "\n");
  Json config = hf_config_of(*model.model);
  for (const char* key : {"decoder_start_token_id", "pad_token_id", "eos_token_id"}) {
    if (generation.contains(key)) config[key] = generation[key];
  }
  config["torch_dtype"] = torch_name(dtype);
  config["bantam_version"] = version();
  write_file_atomically(folder / "config.json", dump_json(config, 2) + "\n");
}

std::vector<Path> save_gguf(const LoadedModel& model, const Path& file, const GgufWeightType& type,
                            const std::string& provenance, ProgressSink& progress,
                            std::uint64_t max_shard_bytes) {
  GgufWriter writer =
      gguf_of({*model.model, *model.tokenizer, model.name, model.path}, type, provenance);
  if (model.chat_template) writer.set("tokenizer.chat_template", model.chat_template->source());
  return writer.write_parts(file, max_shard_bytes, progress);
}

std::vector<Path> save_gguf(const LoadedEncoder& model, const Path& file,
                            const GgufWeightType& type, const std::string& provenance,
                            ProgressSink& progress, std::uint64_t max_shard_bytes) {
  GgufWriter writer =
      gguf_of({*model.model, *model.tokenizer, model.name, model.path}, type, provenance);
  writer.set("tokenizer.ggml.add_sep_token", separates_twice(*model.tokenizer));
  set_sentence_settings(model.sentences, model.model->architecture().gguf_name, writer);
  return writer.write_parts(file, max_shard_bytes, progress);
}

std::vector<Path> save_gguf(const LoadedSeq2Seq& model, const Path& file,
                            const GgufWeightType& type, const std::string& provenance,
                            ProgressSink& progress, std::uint64_t max_shard_bytes) {
  GgufWriter writer =
      gguf_of({*model.model, *model.tokenizer, model.name, model.path}, type, provenance);
  const Architecture& architecture = model.model->architecture();
  writer.set(std::string(architecture.gguf_name) + std::string(kGgufStartTokenKey),
             static_cast<std::uint32_t>(model.tokens.start));
  if (model.tokens.padding && !model.tokenizer->pad()) {
    writer.set("tokenizer.ggml.padding_token_id",
               static_cast<std::uint32_t>(*model.tokens.padding));
  }
  return writer.write_parts(file, max_shard_bytes, progress);
}

void require_gguf_form(const LoadedModel& model, const GgufWeightType& type) {
  const auto bare = copy_without_adapters(*model.model);
  gguf_of({*bare, *model.tokenizer, model.name, model.path}, type, "");
}

std::shared_ptr<CausalLM> copy_without_adapters(const CausalLM& model) {
  auto copy = std::make_shared<CausalLM>(model);
  const auto attached = copy->adapters();
  for (const auto& adapter : attached) copy->detach(adapter.get());
  return copy;
}

void save_peft_adapter(const LoadedModel& model, const Adapter& adapter, const Path& folder) {
  PeftAdapter files;
  files.base_model = model.name;
  if (model.model->config().encoder) files.task_type = "SEQ_2_SEQ_LM";
  save_peft_adapter(*model.model, adapter, std::move(files), folder);
  if (model.chat_template) {
    write_file_atomically(folder / "chat_template.jinja", model.chat_template->source());
  }
}

void save_peft_adapter(const Transformer& model, const Adapter& adapter, PeftAdapter files,
                       const Path& folder) {
  files.r = adapter.options.rank;
  files.alpha = adapter.options.alpha;
  files.base_sha256 = adapter.base_sha256;
  std::map<std::string, int>
      parts_of;  // by the last name of modules: one part, or several in one linear
  for (const auto& [module, parts] : parts_in_files(model)) {
    std::vector<LoraPart> with_delta = parts;
    bool adapted = false;
    for (LoraPart& part : with_delta) {
      const auto delta = adapter.deltas.find(part.site);
      if (delta == adapter.deltas.end()) continue;
      part.pair = {delta->second.a.stop_gradient(), delta->second.b.stop_gradient()};
      adapted = true;
    }
    if (!adapted) continue;
    files.modules.emplace_back(module, joined_lora(with_delta, files.r));
    parts_of[module.substr(module.rfind('.') + 1)] = static_cast<int>(std::ssize(parts));
  }
  for (const auto& [name, parts] : parts_of) {
    files.target_modules.push_back(name);
    if (parts == 1) continue;
    files.rank_pattern.emplace_back(name, parts * files.r);
    files.alpha_pattern.emplace_back(name, parts * files.alpha);  // so that the scale stays
  }
  write_peft_adapter(folder, files);
}

std::shared_ptr<Adapter> load_peft_adapter(const Transformer& model, const Path& folder) {
  const PeftAdapter files = read_peft_adapter(folder);
  if (!files.saved_modules.empty()) {
    throw input_error(
        "{}: 'modules_to_save' is {}: the adapter brings weights of its own for these, which only "
        "an encoder with a head takes (bantam predict)",
        escaped(folder.string()), escaped(dump_json(Json(files.saved_modules)), 60));
  }
  return adapter_of(model, files, folder);
}

std::shared_ptr<Adapter> adapter_of(const Transformer& model, const PeftAdapter& files,
                                    const Path& folder) {
  const auto parts = parts_in_files(model);
  auto adapter = std::make_shared<Adapter>();
  adapter->name = folder.filename().string();
  adapter->options = {files.r, files.alpha, files.target_modules};
  adapter->base_sha256 = files.base_sha256;
  for (const auto& [module, pair] : files.modules) {
    const auto found = parts.find(module);
    if (found == parts.end()) {
      throw input_error(
          "{}: '{}' is not a linear of this model; the adapter was made for another base",
          escaped(folder.string()), escaped(module));
    }
    for (const LoraPart& part : found->second) {
      const LoraPair own = part_of_lora(pair, part, module);
      adapter->deltas[part.site] = {own.a, own.b, files.scale_of(module)};
    }
  }
  return adapter;
}

}  // namespace bantam
