// From what a user types for a model to files on this machine. Fetches nothing: hub.h does.
//
//   path/model.gguf, path/folder     an existing path wins over every other reading
//   smollm2-135m-instruct            a name in HOME/models
//   owner/name[@revision][:file]     a model in the cache that Hugging Face's tools share, or in
//                                    HOME/models/OWNER/NAME
//   owner/name:Q4_K_M                its GGUF file of that type
//   run:ID                           the output of a recorded run
//   REF+ADAPTER[:scale]              any of these with adapters, repeatable
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/hub_name.h"

namespace bantam {

struct AdapterReference {
  Path path;  ///< a PEFT folder
  double scale = 1;
};

struct ModelReference {
  std::string text;  ///< as typed
  Path path;         ///< a GGUF file or a folder with config.json
  std::vector<AdapterReference> adapters = {};
};

/// Throws Error(usage) for a reference that cannot be a local model (endpoint:, oracle:),
/// Error(input) when a path does not lead to a model, and Error(refused) naming the command that
/// fetches a model which is not here. "" stands for the default model.
ModelReference resolve_model_reference(std::string_view text);

/// A model's name for people: that of its file or folder, or the hub's name of a snapshot.
std::string name_of_model(const Path& path);

/// "smollm2-135m-instruct"
std::string_view default_model_name();
/// HOME/models
Path models_folder();
/// Where a model of the hub may be kept by hand: HOME/models/OWNER/NAME, with "@REVISION" unless
/// main. Pulled ones lie in the cache (hub_cache.h).
Path folder_of(const HubName& name);

struct LocalModel {
  std::string name;  ///< what resolve_model_reference() takes
  Path path;
  bool in_cache = false;  ///< in the hub's cache, else in HOME/models
};
/// The models of HOME/models and of the hub's cache, by name.
std::vector<LocalModel> local_models();

}  // namespace bantam
