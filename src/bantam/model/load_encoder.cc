#include "bantam/model/load_encoder.h"

#include "bantam/base/error.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/memory_estimate.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"
#include "bantam/model/peft_files.h"
#include "bantam/model/save_model.h"

namespace bantam {

LoadedEncoder load_encoder(const std::string& text) {
  const ModelReference reference = resolve_model_reference(text);
  LoadedEncoder loaded;
  loaded.path = reference.path;
  loaded.name = name_of_model(reference.path);
  const OpenedModel opened = open_model(reference.path, WeightCheck::automatic);
  require_memory(estimate_memory(opened.config, *opened.source, 0), loaded.name);
  auto weights = read_decoder_weights(*opened.source, opened.naming, *opened.architecture,
                                      opened.config, loaded.warnings);
  std::shared_ptr<Transformer> model;
  try {
    model = std::make_shared<Transformer>(*opened.architecture, opened.config, std::move(weights));
  } catch (const Error& error) {
    throw error.at(escaped(reference.path.string()));
  }
  for (const AdapterReference& wanted : reference.adapters) {
    auto adapter = adapter_of(*model, read_peft_adapter(wanted.path), wanted.path);
    adapter->gate.value = wanted.scale;
    model->attach(std::move(adapter));
  }
  loaded.model = std::move(model);
  loaded.tokenizer = opened.gguf ? tokenizer_of(*opened.gguf) : load_tokenizer(reference.path);
  loaded.sentences =
      opened.gguf ? sentence_settings_of(*opened.gguf) : read_sentence_settings(reference.path);
  return loaded;
}

}  // namespace bantam
