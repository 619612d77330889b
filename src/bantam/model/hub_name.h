// Names on the hub, as users type them and as strangers' listings hold them. Each part is checked,
// so that nothing built from it can leave a folder (U2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bantam {

/// A model's name on the hub: owner/name[@revision][:file or :QUANTIZATION].
struct HubName {
  std::string owner;  ///< "" for the few old models without one, such as gpt2
  std::string name;
  std::string revision = "main";  ///< a branch, a tag, a commit, or "refs/pr/1"
  std::string file;               ///< "" for all that a model needs; may lie in subfolders
  std::string quantization = {};  ///< instead of a file: "Q4_K_M"

  std::string repository() const;  ///< "owner/name"
  std::string text() const;        ///< all of it, as it is typed
};

/// Nothing when `text` does not have the form of a HubName. Throws Error(refused) when it has, but
/// a part could name something outside its folder (U2), or the file's suffix is not one that models
/// need.
std::optional<HubName> parse_hub_name(std::string_view text);

/// Letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'; no "..", at most 128
/// bytes, and no name that some system keeps for a device (nul, com1).
bool is_plain_part(std::string_view part);
/// Plain parts joined by '/', at most four.
bool is_plain_file_name(std::string_view name);

/// "gguf safetensors json txt jinja model spm": nothing else is fetched.
bool has_model_suffix(std::string_view file);
/// Pickled checkpoints: reading one can run code.
bool has_pickle_suffix(std::string_view file);

bool is_sha1(std::string_view text);    ///< 40 hexadecimal digits in lower case, as a commit has
bool is_sha256(std::string_view text);  ///< 64 of them

}  // namespace bantam
