#include "bantam/model/model_reference.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/model/hub_cache.h"
#include "bantam/model/peft_files.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

bool is_there(const Path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
bool is_folder(const Path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// The .gguf files of a folder by name; of a split set only its first part.
std::vector<Path> gguf_files(const Path& folder) {
  std::vector<Path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t part = name.rfind("-of-");
    const bool later_part = part != std::string::npos && part >= 6 &&
                            name.substr(part - 6, 6) != "-00001" && name[part - 6] == '-';
    if (name.ends_with(".gguf") && name[0] != '.' && !later_part) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A scale after the last colon: "bank:0.5".
std::pair<std::string_view, std::optional<double>> split_scale(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return {text, std::nullopt};
  const std::string_view number = text.substr(colon + 1);
  double scale = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), scale);
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(scale))
    return {text, std::nullopt};
  return {text.substr(0, colon), scale};
}

// Where the first reference of "a+b:0.5+c" ends. A path may hold a plus: the longest piece that
// exists wins, else the first plus ends it.
std::size_t end_of_first(std::string_view text) {
  for (std::size_t end = text.size();;) {
    const std::string_view piece = text.substr(0, end);
    if (is_there(Path(piece)) || is_there(Path(split_scale(piece).first))) return end;
    const std::size_t plus = end == 0 ? std::string_view::npos : text.rfind('+', end - 1);
    if (plus == std::string_view::npos || plus == 0) break;
    end = plus;
  }
  return std::min(text.find('+'), text.size());
}

std::vector<std::string_view> split_at_plus(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t end = end_of_first(text);
    pieces.push_back(text.substr(0, end));
    if (end >= text.size()) return pieces;
    text.remove_prefix(end + 1);
  }
}

// The model that a folder holds: itself, its only GGUF file, or what a run left in it.
std::optional<ModelReference> model_in(const Path& folder, int depth = 0) {
  ModelReference found;
  if (is_there(folder / "config.json")) {
    found.path = folder;
    return found;
  }
  const auto files = gguf_files(folder);
  if (files.size() == 1) {
    found.path = files.front();
    return found;
  }
  if (files.size() > 1) {
    throw input_error("{}: holds {} GGUF files ({}, {}, …); name the one you mean",
                      escaped(folder.string()), files.size(), escaped(files[0].filename().string()),
                      escaped(files[1].filename().string()));
  }
  if (is_there(folder / "adapter_config.json") && depth < 4) {
    const std::string config = read_file(folder / "adapter_config.json", std::uint64_t{1} << 20);
    const auto adapter =
        parse_peft_config(config, escaped((folder / "adapter_config.json").string()));
    if (adapter.base_model.empty()) {
      throw input_error("{}: is an adapter that does not name its base; write BASE+{}",
                        escaped(folder.string()), escaped(folder.string()));
    }
    found = resolve_model_reference(adapter.base_model);
    found.adapters.push_back({folder, 1});
    return found;
  }
  if (depth == 0) {
    for (const char* part : {"model", "gguf", "hf", "adapter", "export"})
      if (is_folder(folder / part))
        if (auto inner = model_in(folder / part, depth + 1)) return inner;
  }
  return std::nullopt;
}

ModelReference model_at(const Path& path) {
  if (!is_folder(path)) return {.text = "", .path = path, .adapters = {}};
  if (auto found = model_in(path)) return *found;
  throw input_error("{}: expected a folder with config.json, one .gguf file or an adapter",
                    escaped(path.string()));
}

Path folder_of_run(std::string_view id) {
  if (id.find('@') != std::string_view::npos) {
    throw usage_error(
        "run:{}: checkpoints hold the state of training, not a model; use run:{} for the output, "
        "or bantam train resume",
        escaped(id), escaped(id.substr(0, id.find('@'))));
  }
  if (!is_plain_part(id)) {
    throw refused_error("run:{}: expected letters, digits, '.', '_' and '-'", escaped(id));
  }
  const Path runs = home_folder() / "runs";
  std::vector<Path> matches;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(runs, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name == id) return entry.path();
    if (name.starts_with(id)) matches.push_back(entry.path());
  }
  if (matches.size() == 1) return matches.front();
  throw input_error("run:{}: {} under {}; bantam runs list shows them", escaped(id),
                    matches.empty() ? "no such run" : "several runs begin like this",
                    escaped(runs.string()));
}

std::optional<ModelReference> named_model(std::string_view name) {
  if (!is_plain_part(name)) return std::nullopt;
  const Path place = models_folder() / name;
  if (is_folder(place)) return model_in(place);
  std::vector<Path> matches;
  for (const Path& file : gguf_files(models_folder())) {
    const std::string stem = file.stem().string();
    if (stem == name || file.filename() == name)
      return ModelReference{.text = "", .path = file, .adapters = {}};
    // "smollm2-135m-instruct" stands for "smollm2-135m-instruct-q4_1.gguf".
    if (stem.starts_with(std::string(name) + "-")) matches.push_back(file);
  }
  if (matches.empty()) return std::nullopt;
  if (matches.size() > 1) {
    throw input_error("'{}' could be {} or {}; write the longer name", escaped(name),
                      escaped(matches[0].stem().string()), escaped(matches[1].stem().string()));
  }
  return ModelReference{.text = "", .path = matches.front(), .adapters = {}};
}

ModelReference reference_to(const Path& path) { return {.text = "", .path = path, .adapters = {}}; }

bool holds_weights(std::span<const HubFile> files) {
  return std::any_of(files.begin(), files.end(), [](const HubFile& file) {
    return file.name.ends_with(".safetensors") || file.name.ends_with(".gguf");
  });
}

// Of what lies in the cache, the same choice as pull_model() makes of what lies on the hub.
std::optional<ModelReference> cached_model(const HubName& name) {
  const auto snapshot = find_snapshot(name);
  if (!snapshot) return std::nullopt;
  if (!name.file.empty()) {
    if (!is_there(snapshot->folder / name.file)) return std::nullopt;
    return reference_to(snapshot->folder / name.file);
  }
  const auto files = files_in(*snapshot);
  if (!holds_weights(files)) return std::nullopt;
  const bool folder = std::any_of(files.begin(), files.end(), [](const HubFile& file) {
    return file.name.ends_with(".safetensors");
  });
  if (folder && name.quantization.empty()) return model_in(snapshot->folder);
  return reference_to(snapshot->folder / files_to_pull(files, name).front().name);
}

// A tokenizer alone, or weights that only others read: enough for some commands, and the rest say
// what is missing.
std::optional<ModelReference> cached_folder_without_weights(const HubName& name) {
  const auto snapshot = find_snapshot(name);
  if (!snapshot || !name.file.empty() || !name.quantization.empty()) return std::nullopt;
  return model_in(snapshot->folder);
}

std::optional<ModelReference> kept_model(const HubName& name) {
  const Path folder = folder_of(name);
  if (!is_folder(folder) || !name.quantization.empty()) return std::nullopt;
  if (name.file.empty()) return model_in(folder);
  if (!is_there(folder / name.file)) return std::nullopt;
  return reference_to(folder / name.file);
}

std::optional<ModelReference> hub_model(const HubName& name) {
  if (auto found = cached_model(name)) return found;
  if (auto found = kept_model(name)) return found;
  return cached_folder_without_weights(name);
}

// The few old models of the hub that have no owner, such as gpt2.
std::optional<ModelReference> model_without_owner(std::string_view text) {
  if (!is_plain_part(text)) return std::nullopt;
  return hub_model({.owner = "", .name = std::string(text), .file = ""});
}

// Slashes of a file or a revision are no steps of a path.
bool looks_like_path(std::string_view text) {
  const std::string_view name = text.substr(0, text.find_first_of(":@"));
  return text.starts_with("/") || text.starts_with(".") || text.starts_with("~") ||
         text.ends_with("/") || std::count(name.begin(), name.end(), '/') > 1 ||
         (text.ends_with(".gguf") && text.find(':') == std::string_view::npos);
}

ModelReference resolve_base(std::string_view text) {
  if (is_there(Path(text))) return model_at(Path(text));
  for (const std::string_view scheme : {"endpoint:", "oracle:"}) {
    if (text.starts_with(scheme)) {
      throw usage_error("'{}': a model with weights is needed here; {} has none", escaped(text),
                        scheme);
    }
  }
  if (text.starts_with("run:")) return model_at(folder_of_run(text.substr(4)));
  if (auto found = named_model(text)) return *found;
  if (auto found = model_without_owner(text)) return *found;
  if (!looks_like_path(text)) {
    if (const auto hub = parse_hub_name(text)) {
      if (auto found = hub_model(*hub)) return *found;
    }
    if (text.find('/') != std::string_view::npos || text == default_model_name()) {
      throw refused_error("model '{}' is not on this machine; run: bantam model pull {}",
                          escaped(text), escaped(text));
    }
  }
  std::vector<std::string> names;
  for (const LocalModel& model : local_models()) names.push_back(model.name);
  names.emplace_back(default_model_name());
  const std::string nearest = nearest_name(text, names);
  throw input_error("model '{}': no such file or folder, and no such name in {}{}", escaped(text),
                    escaped(models_folder().string()),
                    nearest.empty() ? "; bantam model list shows what is here"
                                    : "; nearest: " + escaped(nearest));
}

AdapterReference resolve_adapter(std::string_view text) {
  AdapterReference adapter;
  std::string_view name = text;
  if (!is_there(Path(text))) {
    const auto [before, scale] = split_scale(text);
    name = before;
    adapter.scale = scale.value_or(1);
  }
  adapter.path = Path(name);
  if (name.starts_with("run:")) {
    const Path run = folder_of_run(name.substr(4));
    adapter.path = is_there(run / "adapter_config.json") ? run : run / "adapter";
  }
  if (!is_there(adapter.path / "adapter_config.json")) {
    throw input_error("adapter '{}': expected a folder with adapter_config.json", escaped(text));
  }
  return adapter;
}

// HOME/models: files, folders, and OWNER/NAME of both.
void add_kept_models(std::vector<LocalModel>& models) {
  for (const Path& file : gguf_files(models_folder()))
    models.push_back({file.stem().string(), file});
  std::error_code ignored;
  for (const auto& owner : fs::directory_iterator(models_folder(), ignored)) {
    if (!owner.is_directory(ignored)) continue;
    const std::string owner_name = owner.path().filename().string();
    if (is_there(owner.path() / "config.json")) {
      models.push_back({owner_name, owner.path()});
      continue;
    }
    for (const auto& entry : fs::directory_iterator(owner.path(), ignored)) {
      const std::string name = fmt::format("{}/{}", owner_name, entry.path().filename().string());
      if (!entry.is_directory(ignored)) continue;
      if (is_there(entry.path() / "config.json")) models.push_back({name, entry.path()});
      for (const Path& file : gguf_files(entry.path()))
        models.push_back({fmt::format("{}:{}", name, file.filename().string()), file});
    }
  }
}

// Of each snapshot the folder, if it holds safetensors, and each GGUF file.
void add_cached_models(std::vector<LocalModel>& models) {
  for (const auto& [name, snapshot] : cached_snapshots()) {
    const auto files = files_in(snapshot);
    const bool folder = std::any_of(files.begin(), files.end(), [](const HubFile& file) {
      return file.name.ends_with(".safetensors") && file.name.find('/') == std::string::npos;
    });
    if (folder && is_there(snapshot.folder / "config.json"))
      models.push_back({name.text(), snapshot.folder, true});
    for (const HubFile& file : files) {
      if (!is_model_file(file)) continue;
      HubName of_file = name;
      of_file.file = file.name;
      models.push_back({of_file.text(), snapshot.folder / file.name, true});
    }
  }
}

}  // namespace

std::string name_of_model(const Path& path) {
  if (const auto name = name_in_cache(path); name && name->file.empty()) return name->name;
  const Path last = path.filename();
  return (last.empty() ? path.parent_path().filename() : last).string();
}

std::string_view default_model_name() { return "smollm2-135m-instruct"; }

Path models_folder() { return home_folder() / "models"; }

Path folder_of(const HubName& name) {
  return models_folder() / name.owner /
         (name.revision == "main" ? name.name : name.name + "@" + name.revision);
}

ModelReference resolve_model_reference(std::string_view text) {
  const std::string_view wanted = text.empty() ? default_model_name() : text;
  const auto pieces = split_at_plus(wanted);
  ModelReference reference = resolve_base(pieces.front());
  reference.text = wanted;
  for (std::size_t i = 1; i < pieces.size(); ++i)
    reference.adapters.push_back(resolve_adapter(pieces[i]));
  return reference;
}

std::vector<LocalModel> local_models() {
  std::vector<LocalModel> models;
  add_kept_models(models);
  add_cached_models(models);
  std::sort(models.begin(), models.end(),
            [](const LocalModel& a, const LocalModel& b) { return a.name < b.name; });
  return models;
}

}  // namespace bantam
