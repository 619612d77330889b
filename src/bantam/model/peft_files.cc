#include "bantam/model/peft_files.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <system_error>

#include "bantam/base/system_error.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/safetensors.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

constexpr std::string_view kPeftPrefix = "base_model.model.";
constexpr int kMaxRank = 65536;
constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{1} << 20;

// Settings that change what the adapter computes. Each must be absent, null, false or empty.
constexpr const char* kUnsupported[] = {
    "use_dora",   "fan_in_fan_out",    "layer_replication",
    "use_qalora", "use_bdlora",        "trainable_token_indices",
    "lora_bias",  "target_parameters", "arrow_config"};

bool is_set(const Json& value) {
  if (value.is_null() || (value.is_boolean() && !value.get<bool>())) return false;
  return !((value.is_object() || value.is_array()) && value.empty());
}

void refuse_unsupported(const HfConfig& config) {
  const std::string type = config.string("peft_type").value_or("LORA");
  if (type != "LORA") {
    throw input_error("{}: 'peft_type' is '{}'; expected LORA", config.where(), escaped(type));
  }
  for (const char* key : kUnsupported) {
    const auto found = config.json().find(key);
    if (found != config.json().end() && is_set(*found)) {
      throw input_error("{}: '{}' is {}; adapters with it are not read: train without it",
                        config.where(), key, escaped(dump_json(*found), 60));
    }
  }
  const std::string bias = config.string("bias").value_or("none");
  if (bias != "none") {
    throw input_error("{}: 'bias' is '{}'; only adapters with bias none are read", config.where(),
                      escaped(bias));
  }
}

int checked_rank(const Json& value, std::string_view where, std::string_view key) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
      value.get<std::uint64_t>() > kMaxRank) {
    throw input_error("{}: '{}' should be a rank from 1 to {}, found {}", where, key, kMaxRank,
                      escaped(dump_json(value), 40));
  }
  return value.get<int>();
}

double checked_alpha(const Json& value, std::string_view where, std::string_view key) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    throw input_error("{}: '{}' should be a number, found {}", where, key,
                      escaped(dump_json(value), 40));
  }
  return value.get<double>();
}

// PEFT's patterns are regular expressions; those met in files are plain names, and only these are
// read, as the ending of a module's name.
void require_plain(const std::string& pattern, std::string_view where) {
  if (pattern.empty() || pattern.find_first_of("\\^$*+?()[]{}|") != std::string::npos) {
    throw input_error("{}: pattern '{}': expected the ending of a module's name, such as q_proj",
                      where, escaped(pattern));
  }
}

std::vector<std::string> read_names(const HfConfig& config, const char* key) {
  const auto found = config.json().find(key);
  std::vector<std::string> names;
  if (found == config.json().end() || found->is_null()) return names;
  if (found->is_string()) return {found->get<std::string>()};
  const bool strings =
      found->is_array() &&
      std::all_of(found->begin(), found->end(), [](const Json& v) { return v.is_string(); });
  if (!strings) {
    throw input_error("{}: '{}' should be a list of names, found {}", config.where(), key,
                      escaped(dump_json(*found), 60));
  }
  for (const Json& name : *found) names.push_back(name.get<std::string>());
  return names;
}

void read_bantam_keys(const HfConfig& config, PeftAdapter& adapter) {
  const auto own = config.object("bantam");
  if (!own) return;
  adapter.base_sha256 = own->string("base_sha256").value_or("");
  adapter.bantam = own->json();
  adapter.bantam.erase("base_sha256");
}

bool ends_in(std::string_view module, std::string_view name) {
  if (!module.ends_with(name)) return false;
  return module.size() == name.size() || module[module.size() - name.size() - 1] == '.';
}

// "….q_proj.lora_A.weight" -> module and half; old files say "lora_A.default.weight".
struct Half {
  std::string module;
  bool is_a = false;
};
std::optional<Half> half_of(std::string_view name) {
  for (const bool is_a : {true, false}) {
    for (const std::string_view ending : {".weight", ".default.weight"}) {
      const std::string tail = fmt::format(".lora_{}{}", is_a ? "A" : "B", ending);
      if (name.size() > tail.size() && name.ends_with(tail))
        return Half{std::string(name.substr(0, name.size() - tail.size())), is_a};
    }
  }
  return std::nullopt;
}

// "base_model.model.classifier.weight" -> "classifier.weight"; empty for a tensor of no saved
// module. Old files say "classifier.modules_to_save.default.weight".
std::string saved_name(std::string name, const PeftAdapter& adapter) {
  if (!name.starts_with(kPeftPrefix)) return "";
  name.erase(0, kPeftPrefix.size());
  constexpr std::string_view kOld = "modules_to_save.default.";
  if (const auto old = name.find(kOld); old != std::string::npos) name.erase(old, kOld.size());
  const bool is_saved = std::ranges::any_of(adapter.saved_modules, [&](const std::string& module) {
    return ("." + name).find("." + module + ".") != std::string::npos;
  });
  return is_saved ? name : "";
}

void read_modules(const SafetensorsFile& file, PeftAdapter& adapter) {
  for (const WeightInfo& weight : file.weights()) {
    if (std::string saved = saved_name(weight.name, adapter); !saved.empty()) {
      adapter.saved.emplace_back(std::move(saved), dequantize(file.tensor(weight.name)));
      continue;
    }
    const auto half = half_of(weight.name);
    if (!half || weight.shape.rank() != 2 || !info(weight.dtype).is_float) {
      throw input_error(
          "{}: tensor '{}' {} {}: expected a matrix named ….lora_A.weight or ….lora_B.weight",
          file.description(), escaped(weight.name), info(weight.dtype).name, weight.shape.text());
    }
    auto entry = std::find_if(adapter.modules.begin(), adapter.modules.end(),
                              [&](const auto& each) { return each.first == half->module; });
    if (entry == adapter.modules.end())
      entry = adapter.modules.emplace(entry, half->module, LoraPair{});
    Tensor& place = half->is_a ? entry->second.a : entry->second.b;
    if (place.defined()) {
      throw input_error("{}: module '{}' has two lora_{}", file.description(),
                        escaped(half->module), half->is_a ? "A" : "B");
    }
    place = dequantize(file.tensor(weight.name));
  }
}

void check_modules(const PeftAdapter& adapter, const std::string& where) {
  if (adapter.modules.empty()) throw input_error("{}: the adapter has no tensors", where);
  for (const auto& [module, pair] : adapter.modules) {
    if (!pair.a.defined() || !pair.b.defined()) {
      throw input_error("{}: module '{}' has no lora_{}", where, escaped(module),
                        pair.a.defined() ? "B" : "A");
    }
    const int rank = adapter.rank_of(module);
    if (pair.a.size(0) != rank || pair.b.size(1) != rank) {
      throw input_error("{}: module '{}': the config says rank {}, but A is {} and B is {}", where,
                        escaped(module), rank, pair.a.shape().text(), pair.b.shape().text());
    }
  }
}

}  // namespace

int PeftAdapter::rank_of(std::string_view module) const {
  for (const auto& [name, rank] : rank_pattern)
    if (ends_in(module, name)) return rank;
  return r;
}

double PeftAdapter::scale_of(std::string_view module) const {
  double own = alpha;
  for (const auto& [name, value] : alpha_pattern) {
    if (ends_in(module, name)) {
      own = value;
      break;
    }
  }
  const double rank = rank_of(module);
  return own / (rank_stabilized ? std::sqrt(rank) : rank);
}

PeftAdapter parse_peft_config(std::string_view json_text, std::string_view where) {
  Json json;
  try {
    json = parse_json(json_text);
  } catch (const Error& problem) {
    throw problem.at(where);
  }
  const HfConfig config(std::move(json), std::string(where));
  refuse_unsupported(config);
  PeftAdapter adapter;
  config.require_integer("r");
  adapter.r = checked_rank(config.json()["r"], where, "r");
  config.require_number("lora_alpha");
  adapter.alpha = checked_alpha(config.json()["lora_alpha"], where, "lora_alpha");
  adapter.rank_stabilized = config.boolean("use_rslora").value_or(false);
  adapter.target_modules = read_names(config, "target_modules");
  adapter.saved_modules = read_names(config, "modules_to_save");
  if (const auto pattern = config.object("rank_pattern")) {
    for (const auto& [name, value] : pattern->json().items()) {
      require_plain(name, where);
      adapter.rank_pattern.emplace_back(name, checked_rank(value, where, "rank_pattern"));
    }
  }
  if (const auto pattern = config.object("alpha_pattern")) {
    for (const auto& [name, value] : pattern->json().items()) {
      require_plain(name, where);
      adapter.alpha_pattern.emplace_back(name, checked_alpha(value, where, "alpha_pattern"));
    }
  }
  adapter.task_type = config.string("task_type").value_or("");
  adapter.base_model = config.string("base_model_name_or_path").value_or("");
  read_bantam_keys(config, adapter);
  return adapter;
}

PeftAdapter read_peft_adapter(const Path& folder) {
  const Path config = folder / "adapter_config.json",
             weights = folder / "adapter_model.safetensors";
  std::error_code ignored;
  if (!std::filesystem::exists(config, ignored)) {
    throw input_error("{}: not an adapter folder: adapter_config.json is missing",
                      escaped(folder.string()));
  }
  if (!std::filesystem::exists(weights, ignored)) {
    const bool pickled = std::filesystem::exists(folder / "adapter_model.bin", ignored);
    throw input_error("{}: adapter_model.safetensors is missing{}", escaped(folder.string()),
                      pickled ? "; adapter_model.bin is a pickle, which can run code, so it is not "
                                "opened: convert it to safetensors"
                              : "");
  }
  PeftAdapter adapter =
      parse_peft_config(read_file(config, kMaxConfigBytes), escaped(config.string()));
  read_modules(*SafetensorsFile::open(weights), adapter);
  check_modules(adapter, escaped(folder.string()));
  return adapter;
}

void write_peft_adapter(const Path& folder, const PeftAdapter& adapter) {
  check_modules(adapter, escaped(folder.string()));
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw system_error(failed.value(), folder, "make the folder", Error::Kind::usage);
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const auto& [module, pair] : adapter.modules) {
    tensors.emplace_back(module + ".lora_A.weight", pair.a);
    tensors.emplace_back(module + ".lora_B.weight", pair.b);
  }
  for (const auto& [name, weight] : adapter.saved) {
    tensors.emplace_back(std::string(kPeftPrefix) + name, weight);
  }
  // Until the new config stands there, new weights must not be read with an older one.
  if (std::filesystem::remove(folder / "adapter_config.json", failed)) sync_folder(folder);
  write_safetensors(folder / "adapter_model.safetensors", tensors);
  Json config = {
      {"peft_type", "LORA"},
      {"task_type", adapter.task_type},
      {"base_model_name_or_path", adapter.base_model},
      {"r", adapter.r},
      {"lora_alpha", adapter.alpha},
      {"lora_dropout", 0.0},
      {"target_modules", adapter.target_modules},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"init_lora_weights", true},
      {"inference_mode", true},
      {"use_rslora", adapter.rank_stabilized},
      {"use_dora", false},
      {"modules_to_save", adapter.saved_modules.empty() ? Json() : Json(adapter.saved_modules)},
      {"rank_pattern", Json::object()},
      {"alpha_pattern", Json::object()}};
  for (const auto& [name, rank] : adapter.rank_pattern) config["rank_pattern"][name] = rank;
  for (const auto& [name, alpha] : adapter.alpha_pattern) config["alpha_pattern"][name] = alpha;
  Json own = adapter.bantam;
  if (!adapter.base_sha256.empty()) own["base_sha256"] = adapter.base_sha256;
  if (!own.empty()) config["bantam"] = own;
  write_file_atomically(folder / "adapter_config.json", dump_json(config, 2) + "\n");
}

}  // namespace bantam
