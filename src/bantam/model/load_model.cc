#include "bantam/model/load_model.h"

#include <future>

#include "bantam/base/error.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"
#include "bantam/model/save_model.h"

namespace bantam {
namespace {

void require_decoder(const OpenedModel& model, const Path& path) {
  const Architecture& family = *model.architecture;
  if (model.config.encoder) {
    throw input_error(
        "{}: this is an encoder-decoder of the {} family, which answers to a text that its encoder "
        "reads; expected a model that goes on with a text",
        escaped(path.string()), family.name);
  }
  if (!family.is_encoder) return;
  throw input_error(
      "{}: this is a text encoder of the {} family, which turns text into vectors and writes none; "
      "expected a model that writes text (`bantam model embed` makes the vectors)",
      escaped(path.string()), family.name);
}

Json read_generation_defaults(const Path& path) {
  const Path file = path / "generation_config.json";
  if (!std::filesystem::is_directory(path) || !std::filesystem::exists(file)) return Json::object();
  return HfConfig::read(file).json();
}

}  // namespace

void attach_adapters(Transformer& model, const ModelReference& reference) {
  for (const AdapterReference& wanted : reference.adapters) {
    auto adapter = load_peft_adapter(model, wanted.path);
    adapter->gate.value = wanted.scale;
    model.attach(std::move(adapter));
  }
}

void require_rows_for(const Tokenizer& tokenizer, const DecoderConfig& config,
                      const std::string& name) {
  const std::int64_t tokens = tokenizer.vocabulary_size();
  if (tokens > config.vocabulary) {
    throw input_error(
        "{}: the tokenizer has {} tokens but the embedding table only {} rows; they belong to "
        "different models",
        name, with_commas(tokens), with_commas(config.vocabulary));
  }
}

LoadedModel load_model(const std::string& text, const LoadOptions& options) {
  const ModelReference reference = resolve_model_reference(text);
  LoadedModel loaded;
  loaded.path = reference.path;
  loaded.name = name_of_model(reference.path);
  const OpenedModel opened = open_model(reference.path, WeightCheck::never);
  require_decoder(opened, reference.path);
  loaded.memory = estimate_memory(opened.config, *opened.source, options.context, options.answers);
  require_memory(loaded.memory, loaded.name);
  // The tables of a tokenizer take as long as a look at all weights does: both at once.
  auto tokenizer = std::async(std::launch::async, [&] {
    return opened.gguf ? tokenizer_of(*opened.gguf) : load_tokenizer(reference.path);
  });
  if (options.check_weights && opened.gguf) opened.gguf->check(WeightCheck::automatic);
  auto weights = read_decoder_weights(*opened.source, opened.naming, *opened.architecture,
                                      opened.config, loaded.warnings);
  try {
    loaded.model =
        std::make_shared<CausalLM>(*opened.architecture, opened.config, std::move(weights));
  } catch (const Error& error) {
    throw error.at(escaped(reference.path.string()));
  }
  loaded.tokenizer = tokenizer.get();
  loaded.chat_template = opened.gguf ? chat_template_of(*opened.gguf, *loaded.tokenizer)
                                     : load_chat_template(reference.path, *loaded.tokenizer);
  loaded.generation_defaults = read_generation_defaults(reference.path);
  require_rows_for(*loaded.tokenizer, loaded.model->config(), loaded.name);
  attach_adapters(*loaded.model, reference);
  for (const AdapterReference& adapter : reference.adapters) {
    if (auto own = load_chat_template(adapter.path, *loaded.tokenizer)) loaded.chat_template = own;
  }
  return loaded;
}

}  // namespace bantam
