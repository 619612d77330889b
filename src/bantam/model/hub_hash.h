// The hashes by which the hub names contents.
#pragma once

#include <string>

#include "bantam/base/files.h"
#include "bantam/model/hub_listing.h"

namespace bantam {

/// What git calls a file with this content: SHA-1 of "blob LENGTH\0" and the content, in lower-case
/// hexadecimal.
std::string git_blob_sha1(Bytes content);

struct CheckedFile {
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string problem = {};  ///< "": it is what `wanted` says, by length and hash
};
CheckedFile check_hash(const Path& file, const HubFile& wanted);

}  // namespace bantam
