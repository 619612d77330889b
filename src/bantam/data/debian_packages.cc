#include "bantam/data/debian_packages.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "bantam/base/error.h"
#include "bantam/base/random.h"
#include "bantam/base/subprocess.h"

namespace bantam {
namespace {

constexpr std::size_t kLongestIndex = std::size_t{512} << 20;

/// The value of a "Key: value" line; continuation lines begin with a space and are not ours.
bool take_field(std::string_view line, std::string_view key, std::string& value) {
  if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') return false;
  line.remove_prefix(key.size() + 1);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  value = line.substr(0, line.find_last_not_of(" \r") + 1);
  return true;
}

class IndexParser {
 public:
  void line(std::string_view line) {
    if (line.empty()) return end_paragraph();
    if (line[0] == ' ' || line[0] == '\t') return;
    take_field(line, "Package", package_.name) || take_field(line, "Source", package_.source) ||
        take_field(line, "Section", package_.section) ||
        take_field(line, "Description-en", package_.description) ||
        take_field(line, "Description", package_.description);
  }

  void end_paragraph() {
    DebianPackage package = std::exchange(package_, {});
    if (package.name.empty() || package.section.empty() || package.description.empty()) return;
    if (!seen_.insert(package.name).second) return;
    // "Source: foo (1.2-3)" gives the version when it differs from the package's.
    package.source = package.source.substr(0, package.source.find(" ("));
    if (package.source.empty()) package.source = package.name;
    package.section = package.section.substr(package.section.rfind('/') + 1);
    packages.push_back(std::move(package));
  }

  std::vector<DebianPackage> packages;

 private:
  DebianPackage package_;
  std::unordered_set<std::string> seen_;
};

std::string index_from_lists() {
  const Path folder = "/var/lib/apt/lists";
  std::error_code ignored;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.find("_Packages") != std::string::npos && entry.is_regular_file())
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::string text;
  for (const std::string& file : files) {
    const ProcessResult result =
        run_process({"/usr/lib/apt/apt-helper", "cat-file", file}, "apt", 120, kLongestIndex);
    if (result.exit_code == 0) text += result.output + "\n\n";
  }
  return text;
}

}  // namespace

std::vector<DebianPackage> parse_debian_index(std::string_view text) {
  IndexParser parser;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    parser.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  parser.end_paragraph();
  return std::move(parser.packages);
}

std::vector<DebianPackage> read_debian_index() {
  // Without the locale, descriptions could come translated.
  const ProcessResult listing =
      run_process({"env", "LC_ALL=C.UTF-8", "apt-cache", "dumpavail"}, "apt", 120, kLongestIndex);
  std::vector<DebianPackage> packages;
  if (listing.exit_code == 0) packages = parse_debian_index(listing.output);
  if (packages.size() <
      1000) {  // only what is installed: the lists were never fetched, or apt-cache is missing
    std::vector<DebianPackage> from_lists = parse_debian_index(index_from_lists());
    if (from_lists.size() > packages.size()) packages = std::move(from_lists);
  }
  if (packages.size() < 1000) {
    throw refused_error(
        "Debian package index: expected tens of thousands of packages, found {}; run \"apt-get "
        "update\" as root and try "
        "again",
        packages.size());
  }
  return packages;
}

Dataset debian_section_rows(std::vector<DebianPackage> packages, const DebianOptions& options) {
  std::sort(packages.begin(), packages.end(),
            [](const DebianPackage& a, const DebianPackage& b) { return a.name < b.name; });
  std::map<std::string, std::vector<Row>> by_section;
  for (const std::string& section : options.sections) by_section[section];
  std::unordered_set<std::string> sources, descriptions;
  RandomStream stream(options.seed, "debian-packages");
  for (const std::uint32_t i : stream.permutation(static_cast<std::uint32_t>(packages.size()))) {
    const DebianPackage& package = packages[i];
    const auto found = by_section.find(package.section);
    if (found == by_section.end() ||
        found->second.size() >= static_cast<std::size_t>(options.per_section))
      continue;
    if (sources.contains(package.source) || descriptions.contains(package.description)) continue;
    sources.insert(package.source);
    descriptions.insert(package.description);
    Row row;
    row.kind = Row::Kind::classification;
    row.id = package.name;
    row.id_was_given = true;
    row.source = "debian";
    row.group = package.source;
    row.text = package.description;
    row.label = package.section;
    found->second.push_back(std::move(row));
  }
  std::vector<Row> rows;
  for (auto& [section, found] : by_section) {
    if (found.size() < 2) {
      throw input_error(
          "Debian package index: expected packages of section '{}', found {}; run \"apt-get "
          "update\"",
          section, found.size());
    }
    for (Row& row : found) rows.push_back(std::move(row));
  }
  return Dataset(std::move(rows));
}

}  // namespace bantam
