#include "bantam/model/load_seq2seq.h"

#include "bantam/base/error.h"
#include "bantam/model/decoder_weights.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/load_model.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/memory_estimate.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"

namespace bantam {
namespace {

// What config.json held before generation_config.json existed.
constexpr const char* kGenerationKeys[] = {
    "do_sample",      "num_beams",       "num_return_sequences", "length_penalty",
    "early_stopping", "max_length",      "max_new_tokens",       "repetition_penalty",
    "min_length",     "num_beam_groups", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"};

Json generation_defaults_of(const Path& folder, const Json& config) {
  const Path file = folder / "generation_config.json";
  if (std::filesystem::exists(file)) return HfConfig::read(file).json();
  Json defaults = Json::object();
  for (const char* key : kGenerationKeys) {
    if (config.contains(key) && !config[key].is_null()) defaults[key] = config[key];
  }
  return defaults;
}

void add_folder_parts(LoadedSeq2Seq& loaded) {
  const HfConfig config = HfConfig::read(loaded.path / "config.json");
  loaded.generation_defaults = generation_defaults_of(loaded.path, config.json());
  try {
    loaded.tokens = Seq2SeqTokens::read(config.json(), loaded.generation_defaults);
  } catch (const Error& error) {
    throw error.at(config.where());
  }
  if (has_tokenizer(loaded.path)) loaded.tokenizer = load_tokenizer(loaded.path);
}

void add_gguf_parts(LoadedSeq2Seq& loaded, const GgufFile& file) {
  loaded.generation_defaults = Json::object();
  loaded.tokenizer = tokenizer_of(file);
  loaded.tokens = Seq2SeqTokens::of_gguf(file, *loaded.tokenizer);
}

}  // namespace

LoadedSeq2Seq load_seq2seq(const Path& path) {
  LoadedSeq2Seq loaded;
  loaded.path = path;
  loaded.name = name_of_model(path);
  const OpenedModel opened = open_model(path, WeightCheck::automatic);
  require_memory(estimate_memory(opened.config, *opened.source, 0), loaded.name);
  try {
    auto weights = read_decoder_weights(*opened.source, opened.naming, *opened.architecture,
                                        opened.config, loaded.warnings);
    loaded.model =
        std::make_shared<Seq2SeqModel>(*opened.architecture, opened.config, std::move(weights));
  } catch (const Error& error) {
    const std::string where = escaped(path.string());
    throw std::string_view(error.what()).starts_with(where) ? error : error.at(where);
  }
  if (opened.gguf) {
    add_gguf_parts(loaded, *opened.gguf);
  } else {
    add_folder_parts(loaded);
  }
  return loaded;
}

LoadedSeq2Seq load_seq2seq(const ModelReference& reference) {
  LoadedSeq2Seq loaded = load_seq2seq(reference.path);
  if (!loaded.tokenizer) loaded.tokenizer = load_tokenizer(reference.path);  // says what is missing
  require_rows_for(*loaded.tokenizer, loaded.model->config(), loaded.name);
  attach_adapters(*loaded.model, reference);
  return loaded;
}

}  // namespace bantam
