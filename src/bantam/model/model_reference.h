// From what a user types for a model to files on this machine. Fetches nothing: hub.h does.
//
//   path/model.gguf, path/folder     an existing path wins over every other reading
//   smollm2-135m-instruct            a name in HOME/models
//   owner/name[@revision][:file]     a model of the hub that was pulled, or lies in the hub's cache
//   run:ID                           the output of a recorded run
//   REF+ADAPTER[:scale]              any of these with adapters, repeatable
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"

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

/// A model's name on the hub, each part checked: nothing in it can leave a folder.
struct HubName {
  std::string owner, name;
  std::string revision = "main";
  std::string file;  ///< "" for all that a model needs
  std::string text() const;
};

/// Nothing when `text` does not have the form owner/name[@revision][:file]. Throws Error(refused)
/// when it has, but a part could name something outside its folder (U2), or the file's suffix is
/// not one that models need.
std::optional<HubName> parse_hub_name(std::string_view text);

/// Throws Error(usage) for a reference that cannot be a local model (endpoint:, oracle:),
/// Error(input) when a path does not lead to a model, and Error(refused) naming the command that
/// fetches a model which is not here. "" stands for the default model.
ModelReference resolve_model_reference(std::string_view text);

/// A model's name for people: that of its file or folder.
std::string name_of_model(const Path& path);

/// "smollm2-135m-instruct"
std::string_view default_model_name();
/// HOME/models
Path models_folder();
/// Where a pulled model of the hub lies: HOME/models/OWNER/NAME, with "@REVISION" unless main.
Path folder_of(const HubName& name);

struct LocalModel {
  std::string name;  ///< what resolve_model_reference() takes
  Path path;
};
/// The models of HOME/models, by name.
std::vector<LocalModel> local_models();

}  // namespace bantam
