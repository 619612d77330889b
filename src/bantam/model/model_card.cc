#include "bantam/model/model_card.h"

#include <algorithm>
#include <array>
#include <map>
#include <system_error>

#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/hub.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/open_model.h"
#include "bantam/model/safetensors.h"

namespace bantam {
namespace {

constexpr std::array<std::int64_t, 2> kShownContexts = {2048, 8192};

// A model's files, opened but not loaded; one of the two is null.
struct OpenedFiles {
  std::shared_ptr<const GgufFile> gguf;
  std::shared_ptr<const SafetensorsFolder> folder;

  const WeightSource& source() const {
    return gguf ? static_cast<const WeightSource&>(*gguf) : *folder;
  }
  std::uint64_t bytes() const { return gguf ? gguf->total_bytes() : folder->total_bytes(); }
};

OpenedFiles open_files(const Path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return {nullptr, SafetensorsFolder::open(path)};
  return {GgufFile::open(path, WeightCheck::never), nullptr};
}

// Runs `read`; what it throws becomes a warning, for a card should show what can be shown.
template <class Read>
void try_to(ModelCard& card, Read read) {
  try {
    read();
  } catch (const Error& problem) {
    card.warnings.emplace_back(problem.what());
  }
}

void add_weights(ModelCard& card, const WeightSource& source) {
  card.weights = source.weights();
  std::map<DType, TypeShare> shares;
  for (const WeightInfo& weight : card.weights) {
    TypeShare& share = shares[weight.dtype];
    share.dtype = weight.dtype;
    share.tensors += 1;
    share.elements += static_cast<std::uint64_t>(weight.shape.count());
    share.bytes += weight.bytes;
    card.parameters += static_cast<std::uint64_t>(weight.shape.count());
  }
  for (const auto& [dtype, share] : shares) card.types.push_back(share);
  std::stable_sort(card.types.begin(), card.types.end(),
                   [](const TypeShare& a, const TypeShare& b) { return a.bytes > b.bytes; });
}

void add_config(ModelCard& card, const OpenedFiles& files) {
  if (files.gguf) {
    card.family = files.gguf->require_string("general.architecture");
  } else {
    card.family = HfConfig::read(card.path / "config.json").require_string("model_type");
  }
  const OpenedModel opened = open_model(card.path, WeightCheck::never);
  card.kind = opened.kind();
  card.config = opened.config;
}

void add_memory(ModelCard& card, const WeightSource& source) {
  if (!card.config) return;
  if (card.kind == ModelKind::encoder) {  // keeps no keys and values
    card.memory.push_back(estimate_memory(*card.config, source, 0));
    return;
  }
  for (const std::int64_t context : kShownContexts)
    if (context < card.config->context)
      card.memory.push_back(estimate_memory(*card.config, source, context));
  card.memory.push_back(estimate_memory(*card.config, source, card.config->context));
}

std::string token_text(const Tokenizer& tokenizer, std::optional<std::int32_t> id) {
  return id ? std::string(tokenizer.token_bytes(*id)) : "";
}

void add_tokenizer(ModelCard& card, const OpenedFiles& files) {
  const auto tokenizer = files.gguf ? tokenizer_of(*files.gguf) : load_tokenizer(card.path);
  TokenizerCard tokens;
  tokens.vocabulary = tokenizer->vocabulary_size();
  tokens.bos = token_text(*tokenizer, tokenizer->bos());
  tokens.eos = token_text(*tokenizer, tokenizer->eos());
  for (const std::int32_t id : tokenizer->end_of_generation())
    tokens.end_of_turn.emplace_back(tokenizer->token_bytes(id));
  card.tokenizer = std::move(tokens);
  const auto chat = files.gguf ? chat_template_of(*files.gguf, *tokenizer)
                               : load_chat_template(card.path, *tokenizer);
  if (!chat) return;
  card.chat_template = chat->source();
  for (const std::string& warning : chat->warnings())
    card.warnings.push_back("chat template: " + warning);
}

void add_provenance(ModelCard& card, const OpenedFiles& files) {
  constexpr std::pair<const char*, const char*> keys[] = {{"title", "general.name"},
                                                          {"author", "general.author"},
                                                          {"organization", "general.organization"},
                                                          {"license", "general.license"},
                                                          {"base", "general.base_model.0.name"},
                                                          {"url", "general.url"},
                                                          {"source", "general.source.url"},
                                                          {"made by", "bantam.provenance"}};
  if (files.gguf) {
    for (const auto& [label, key] : keys) {
      try_to(card, [&, label = label, key = key] {
        if (const auto text = files.gguf->string(key)) card.provenance.emplace_back(label, *text);
      });
    }
  } else {
    try_to(card, [&] {
      const HfConfig config = HfConfig::read(card.path / "config.json");
      if (const auto base = config.string("_name_or_path"); base && !base->empty())
        card.provenance.emplace_back("base", *base);
    });
  }
  try_to(card, [&] {
    const Path file = files.gguf ? files.gguf->paths().front() : files.folder->paths().front();
    if (const auto entry = lock_entry(file)) {
      card.provenance.emplace_back("fetched from", entry->source);
      card.provenance.emplace_back("sha256", entry->sha256);
    }
  });
}

}  // namespace

ModelCard read_model_card(const ModelReference& reference) {
  ModelCard card;
  card.path = reference.path;
  card.name = name_of_model(reference.path);
  const OpenedFiles files = open_files(reference.path);
  card.file_bytes = files.bytes();
  add_weights(card, files.source());
  try_to(card, [&] { add_config(card, files); });
  try_to(card, [&] { add_memory(card, files.source()); });
  try_to(card, [&] { add_tokenizer(card, files); });
  add_provenance(card, files);
  return card;
}

ModelLine read_model_line(const Path& path) {
  ModelLine line{.family = "?", .type = "?"};
  try {
    const OpenedFiles files = open_files(path);
    ModelCard card;
    card.path = path;
    add_weights(card, files.source());
    line.parameters = card.parameters;
    line.bytes = files.bytes();
    if (!card.types.empty()) line.type = info(card.types.front().dtype).name;
    line.family = files.gguf ? files.gguf->require_string("general.architecture")
                             : HfConfig::read(path / "config.json").require_string("model_type");
  } catch (const Error&) {
    // The list shows "?"; `model show` says what is wrong.
  }
  return line;
}

}  // namespace bantam
