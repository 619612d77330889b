// The demo's data: short descriptions of Debian packages and the section each belongs to, from the
// machine's own index.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/data/dataset.h"

namespace bantam {

struct DebianPackage {
  std::string name, source;  ///< source package; its own name when the index gives none
  std::string section;       ///< after the last "/": "games", not "contrib/games"
  std::string description;   ///< the short one
};

struct DebianOptions {
  std::vector<std::string> sections{
      "games", "science", "sound",       "graphics", "mail",  "net",      "web",         "editors",
      "fonts", "math",    "electronics", "database", "video", "hamradio", "localization"};
  int per_section = 300;  ///< at most
  std::uint64_t seed = 1234;
};

/// Paragraphs of a Packages file or of `apt-cache dumpavail`; packages without section or
/// description are left out, as is all but the first of a name.
std::vector<DebianPackage> parse_debian_index(std::string_view text);

/// What apt knows: `apt-cache dumpavail`, else the files in /var/lib/apt/lists. Throws
/// Error(refused) saying to run "apt-get update" when there is no index, or that apt is missing.
std::vector<DebianPackage> read_debian_index();

/// Classification rows: text = description, label = section, group = source, id = package name.
/// One package of each source and one of each description is kept, chosen by `seed`: sister
/// packages ("foo-data", "libfoo-dev") say nearly the same. Throws Error(input) when a section has
/// fewer than two packages.
Dataset debian_section_rows(std::vector<DebianPackage> packages, const DebianOptions& options = {});

}  // namespace bantam
