#include "bantam/model/load_model.h"

#include "bantam/base/error.h"
#include "bantam/model/architecture.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/safetensors.h"
#include "bantam/model/save_model.h"

namespace bantam {
namespace {

struct OpenedModel {
  const Architecture* architecture;
  DecoderConfig config;
  std::shared_ptr<const WeightSource> source;
  WeightNaming naming;
  std::shared_ptr<const GgufFile> gguf;  // the source, where it also holds tokenizer and template
};

void require_decoder(const Architecture& family) {
  if (family.is_encoder) {
    throw input_error(
        "this is a text encoder of the {} family, which turns text into vectors and writes none; "
        "expected a model that writes text",
        family.name);
  }
}

DecoderConfig require_one_stack(const Architecture& family, DecoderConfig config) {
  if (config.encoder) {
    throw input_error(
        "this is an encoder-decoder of the {} family, which answers to a text that its encoder "
        "reads; expected a model that goes on with a text",
        family.name);
  }
  return config;
}

OpenedModel open_gguf(const Path& path, const LoadOptions& options) {
  auto file =
      GgufFile::open(path, options.check_weights ? WeightCheck::automatic : WeightCheck::never);
  const std::string where = escaped(path.string());
  try {
    const Architecture& family = architecture_of_gguf(*file);
    require_decoder(family);
    return {&family, require_one_stack(family, family.config_from_gguf(*file)), file,
            WeightNaming::gguf, file};
  } catch (const Error& error) {
    // Typed getters already name the file; family and range errors do not.
    throw std::string_view(error.what()).starts_with(where) ? error : error.at(where);
  }
}

OpenedModel open_folder(const Path& folder) {
  const HfConfig config = HfConfig::read(folder / "config.json");
  try {
    const Architecture& family = architecture_of_hf(config);
    require_decoder(family);
    return {&family, require_one_stack(family, family.config_from_hf(config)), open_weights(folder),
            WeightNaming::hf, nullptr};
  } catch (const Error& error) {
    const bool named = std::string_view(error.what()).starts_with(escaped(folder.string()));
    throw named ? error : error.at(config.where());
  }
}

void check_vocabulary(const LoadedModel& loaded) {
  const std::int64_t rows = loaded.model->config().vocabulary;
  const std::int64_t tokens = loaded.tokenizer->vocabulary_size();
  if (tokens > rows) {
    throw input_error(
        "{}: the tokenizer has {} tokens but the embedding table only {} rows; they belong to "
        "different models",
        loaded.name, with_commas(tokens), with_commas(rows));
  }
}

Json read_generation_defaults(const Path& path) {
  const Path file = path / "generation_config.json";
  if (!std::filesystem::is_directory(path) || !std::filesystem::exists(file)) return Json::object();
  return HfConfig::read(file).json();
}

void attach_adapters(LoadedModel& loaded, const ModelReference& reference) {
  for (const AdapterReference& wanted : reference.adapters) {
    auto adapter = load_peft_adapter(*loaded.model, wanted.path);
    adapter->gate.value = wanted.scale;
    loaded.model->attach(std::move(adapter));
  }
}

}  // namespace

LoadedModel load_model(const std::string& text, const LoadOptions& options) {
  const ModelReference reference = resolve_model_reference(text);
  LoadedModel loaded;
  loaded.path = reference.path;
  loaded.name = reference.path.filename().string();
  if (loaded.name.empty()) loaded.name = reference.path.parent_path().filename().string();
  const bool is_folder = std::filesystem::is_directory(reference.path);
  const OpenedModel opened =
      is_folder ? open_folder(reference.path) : open_gguf(reference.path, options);
  loaded.memory = estimate_memory(opened.config, *opened.source, options.context);
  require_memory(loaded.memory, loaded.name);
  auto weights = read_decoder_weights(*opened.source, opened.naming, *opened.architecture,
                                      opened.config, loaded.warnings);
  try {
    loaded.model =
        std::make_shared<CausalLM>(*opened.architecture, opened.config, std::move(weights));
  } catch (const Error& error) {
    throw error.at(escaped(reference.path.string()));
  }
  loaded.tokenizer = opened.gguf ? tokenizer_of(*opened.gguf) : load_tokenizer(reference.path);
  loaded.chat_template = opened.gguf ? chat_template_of(*opened.gguf, *loaded.tokenizer)
                                     : load_chat_template(reference.path, *loaded.tokenizer);
  loaded.generation_defaults = read_generation_defaults(reference.path);
  check_vocabulary(loaded);
  attach_adapters(loaded, reference);
  return loaded;
}

}  // namespace bantam
