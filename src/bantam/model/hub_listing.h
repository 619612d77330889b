// The hub's answer about a model, and which of its files a model needs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/model/hub_name.h"

namespace bantam {

/// One file of a model on the hub, as the hub lists it.
struct HubFile {
  std::string name;  ///< may lie in subfolders: "1_Pooling/config.json"
  std::uint64_t bytes = 0;
  std::string sha256 = {};    ///< "" for small files, of which the hub keeps no SHA-256
  std::string git_sha1 = {};  ///< git's SHA-1 of such a file: of "blob LENGTH\0" and its content

  /// What the cache calls its content; "" if the hub states neither.
  const std::string& hash() const { return sha256.empty() ? git_sha1 : sha256; }
};

struct HubListing {
  std::string commit;  ///< what the revision stands for now
  std::vector<HubFile> files;
};

/// Reads the answer to /api/models/OWNER/NAME/revision/REVISION?blobs=true. Left out are files
/// with names that are not plain and with suffixes that no model needs; pickled ones stay, to be
/// named in messages. Throws Error(network) when it is not such an answer.
HubListing parse_hub_listing(std::string_view json_text, std::string_view where);

/// A GGUF file that stands for a model: no projector of images, no statistics for quantizing, and
/// of a set only its first part.
bool is_model_file(const HubFile& file);

/// What a model needs: the safetensors folder if there is one, with tokenizer, templates and the
/// modules of sentence-transformers; else a GGUF file, of several the one that loads fast and
/// answers well (Q4_K_M first), with all its parts. Or `name.file`, or the GGUF of
/// `name.quantization`, each with all its parts. Throws Error(input) naming the files there are.
std::vector<HubFile> files_to_pull(std::span<const HubFile> listing, const HubName& name);

}  // namespace bantam
