// Any text as the hub's answer: a refusal, or file names that stay in their folder.
#include <cstdlib>

#include "bantam/base/error.h"
#include "bantam/model/hub_listing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto listing =
        bantam::parse_hub_listing({reinterpret_cast<const char*>(data), size}, "fuzz");
    for (const auto& file : listing.files) {
      if (file.name.starts_with("/") || file.name.find("..") != std::string::npos ||
          file.name.find("/.") != std::string::npos || file.name.find('\\') != std::string::npos ||
          file.hash().find('/') != std::string::npos) {
        std::abort();
      }
    }
    bantam::files_to_pull(listing.files, {"owner", "name", "main", ""});
  } catch (const bantam::Error&) {
  }
  return 0;
}
