#include "bantam/model/sentence_settings.h"

#include <algorithm>
#include <array>

#include "bantam/base/error.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"

namespace bantam {
namespace {

struct PoolingName {
  Pooling pooling;
  std::string_view name;
  std::string_view in_files;  ///< value of pooling_mode in newer files
  std::string_view key;       ///< true in older files
};
constexpr std::array<PoolingName, 4> kPoolings = {{
    {Pooling::mean, "mean", "mean", "pooling_mode_mean_tokens"},
    {Pooling::first, "first", "cls", "pooling_mode_cls_token"},
    {Pooling::last, "last", "lasttoken", "pooling_mode_lasttoken"},
    {Pooling::max, "max", "max", "pooling_mode_max_tokens"},
}};

// ARCHITECTURE.pooling_type counts these from 1.
constexpr Pooling kGgufPoolings[] = {Pooling::mean, Pooling::first, Pooling::last};

[[noreturn]] void throw_unknown_pooling(const HfConfig& config, std::string_view found) {
  throw input_error("{}: the pooling is {}; expected one of mean, cls, lasttoken, max",
                    config.where(), found);
}

Pooling pooling_of(const HfConfig& config) {
  if (!config.boolean("include_prompt").value_or(true)) {
    throw input_error("{}: include_prompt is false; expected pooling over all tokens",
                      config.where());
  }
  if (const auto mode = config.string("pooling_mode")) {
    for (const PoolingName& known : kPoolings) {
      if (known.in_files == *mode) return known.pooling;
    }
    throw_unknown_pooling(config, "'" + escaped(*mode) + "'");
  }
  std::optional<Pooling> found;
  for (const auto& [key, value] : config.json().items()) {
    if (!key.starts_with("pooling_mode_") || value != Json(true)) continue;
    const auto known = std::ranges::find(kPoolings, key, &PoolingName::key);
    if (known == kPoolings.end()) throw_unknown_pooling(config, escaped(key));
    if (found) throw_unknown_pooling(config, "of several kinds at once");
    found = known->pooling;
  }
  if (!found) throw_unknown_pooling(config, "none");
  return *found;
}

std::string last_part(std::string_view dotted) {
  return std::string(dotted.substr(dotted.rfind('.') + 1));
}

Path folder_of_module(const HfConfig& module, const Path& folder) {
  const std::string name = module.string("path").value_or("");
  if (name.find("..") != std::string::npos || Path(name).is_absolute()) {
    throw refused_error("{}: path '{}' leads out of the folder", module.where(), escaped(name));
  }
  return folder / name;
}

// What a layer is behind: pooling, and nothing that makes vectors of length 1.
void require_pooled(const SentenceSettings& settings, const HfConfig& module,
                    std::string_view kind) {
  if (settings.pooling && !settings.normalize.value_or(false)) return;
  throw input_error("{}: {} stands {}; expected it between Pooling and Normalize", module.where(),
                    kind, settings.pooling ? "behind Normalize" : "in front of Pooling");
}

// The modules behind the transformer itself.
void read_modules(const Path& folder, SentenceSettings& settings) {
  const Path file = folder / "modules.json";
  if (!std::filesystem::exists(file)) return;
  const std::string where = escaped(file.string());
  const Json modules = [&] {
    try {
      return parse_json(read_file(file, std::uint64_t{16} << 20));
    } catch (const Error& error) {
      throw error.at(where);
    }
  }();
  if (!modules.is_array()) throw input_error("{}: expected a list of modules", where);
  settings.normalize = false;
  for (const Json& entry : modules) {
    if (!entry.is_object()) throw input_error("{}: expected a list of objects", where);
    const HfConfig module(entry, where);
    const std::string kind = last_part(module.require_string("type"));
    if (kind == "Transformer") continue;
    const Path own = folder_of_module(module, folder);
    if (kind == "Pooling") {
      settings.pooling = pooling_of(HfConfig::read(own / "config.json"));
    } else if (kind == "Dense") {
      require_pooled(settings, module, kind);
      settings.layers.push_back(read_sentence_dense(own));
    } else if (kind == "LayerNorm") {
      require_pooled(settings, module, kind);
      settings.layers.push_back(read_sentence_norm(own));
    } else if (kind == "Normalize") {
      settings.normalize = true;
    } else {
      throw input_error(
          "{}: module '{}' is not known; expected Transformer, Pooling, Dense, LayerNorm, "
          "Normalize",
          where, escaped(kind));
    }
  }
}

std::optional<HfConfig> read_if_there(const Path& file) {
  return std::filesystem::exists(file) ? std::optional(HfConfig::read(file)) : std::nullopt;
}

// Newer files keep the length with the tokenizer. A very large number stands for none.
std::optional<std::int64_t> tokenizer_limit(const Path& folder) {
  const auto config = read_if_there(folder / "tokenizer_config.json");
  const auto stated = config ? config->number("model_max_length") : std::nullopt;
  if (!stated || *stated < 1 || *stated > 1e9) return std::nullopt;
  return static_cast<std::int64_t>(*stated);
}

}  // namespace

std::string_view pooling_name(Pooling pooling) {
  return std::ranges::find(kPoolings, pooling, &PoolingName::pooling)->name;
}

std::optional<Pooling> pooling_named(std::string_view name) {
  const auto found = std::ranges::find(kPoolings, name, &PoolingName::name);
  return found == kPoolings.end() ? std::nullopt : std::optional(found->pooling);
}

SentenceSettings read_sentence_settings(const Path& folder) {
  SentenceSettings settings;
  read_modules(folder, settings);
  settings.longest = tokenizer_limit(folder);
  if (const auto config = read_if_there(folder / "sentence_bert_config.json")) {
    if (const auto stated = config->integer("max_seq_length")) settings.longest = stated;
    if (settings.longest && *settings.longest < 1) {
      throw input_error("{}: max_seq_length is {}; expected 1 or more", config->where(),
                        *settings.longest);
    }
    if (config->boolean("do_lower_case").value_or(false)) {
      throw input_error("{}: do_lower_case is not known here; expected a tokenizer that does it",
                        config->where());
    }
  }
  if (const auto config = read_if_there(folder / "config_sentence_transformers.json")) {
    const auto name = config->string("default_prompt_name");
    const auto prompts = config->object("prompts");
    if (name) settings.prompt = prompts ? prompts->require_string(*name) : "";
  }
  return settings;
}

SentenceSettings sentence_settings_of(const GgufFile& file) {
  SentenceSettings settings;
  const std::string key = file.require_string("general.architecture") + ".pooling_type";
  const auto type = file.integer(key);
  if (!type || *type == 0) return settings;
  if (*type < 1 || *type > 3) {
    throw input_error("{}: {} is {}; expected 1 (mean), 2 (first) or 3 (last)", file.description(),
                      key, *type);
  }
  settings.pooling = kGgufPoolings[*type - 1];
  return settings;
}

void write_sentence_settings(const SentenceSettings& settings, std::int64_t width,
                             const Path& folder) {
  if (!settings.pooling) return;
  const auto write = [&](const Path& name, const Json& value) {
    std::filesystem::create_directories((folder / name).parent_path());
    write_file_atomically(folder / name, dump_json(value, 2) + "\n");
  };
  Json modules = Json::array();
  const auto add_module = [&](const std::string& path, const char* type) {
    modules.push_back({{"idx", modules.size()},
                       {"name", std::to_string(modules.size())},
                       {"path", path},
                       {"type", std::string("sentence_transformers.models.") + type}});
  };
  add_module("", "Transformer");
  add_module("1_Pooling", "Pooling");
  for (const SentenceLayer& layer : settings.layers) {
    const char* type = layer.is_dense() ? "Dense" : "LayerNorm";
    const std::string path = fmt::format("{}_{}", modules.size(), type);
    add_module(path, type);
    write_sentence_layer(layer, folder / path);
  }
  if (settings.normalize.value_or(false)) {
    add_module(fmt::format("{}_Normalize", modules.size()), "Normalize");
  }
  write("modules.json", modules);
  Json pooling = {{"word_embedding_dimension", width}};
  for (const PoolingName& known : kPoolings) {
    pooling[known.key] = known.pooling == *settings.pooling;
  }
  write("1_Pooling/config.json", pooling);
  if (settings.longest) {
    write("sentence_bert_config.json",
          {{"max_seq_length", *settings.longest}, {"do_lower_case", false}});
  }
  if (!settings.prompt.empty()) {
    write("config_sentence_transformers.json",
          {{"prompts", {{"default", settings.prompt}}}, {"default_prompt_name", "default"}});
  }
}

void set_sentence_settings(const SentenceSettings& settings, std::string_view architecture,
                           GgufWriter& writer) {
  if (!settings.prompt.empty()) {
    throw input_error(
        "GGUF has no key for the prompt '{}' that this model puts before texts; export a Hugging "
        "Face folder instead",
        escaped(settings.prompt, 60));
  }
  if (!settings.layers.empty()) {
    throw input_error(
        "GGUF has no place for the {} layers that this model puts behind pooling; export a Hugging "
        "Face folder instead",
        settings.layers.size());
  }
  if (!settings.pooling) return;
  const auto* const found = std::ranges::find(kGgufPoolings, *settings.pooling);
  if (found == std::end(kGgufPoolings)) {
    throw input_error("GGUF has no number for {} pooling; export a Hugging Face folder instead",
                      pooling_name(*settings.pooling));
  }
  writer.set(std::string(architecture) + ".pooling_type",
             static_cast<std::uint32_t>(found - std::begin(kGgufPoolings) + 1));
}

}  // namespace bantam
