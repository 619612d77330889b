// Names: the nearest one to a misspelled word, and registry values with parameters.
#include <algorithm>

#include "bantam/base/options.h"

namespace bantam {

namespace {

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one
// each.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view wanted, std::span<const std::string> candidates) {
  constexpr std::size_t kLongest = 100;  // no name is longer; the table is quadratic
  if (wanted.size() > kLongest) return "";
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wanted, candidate);
    const std::size_t allowed =
        std::max<std::size_t>(std::max(wanted.size(), candidate.size()) / 3, 1);
    if (distance > allowed || (best && distance >= best_distance)) continue;
    best = &candidate, best_distance = distance;
  }
  return best ? *best : "";
}

void throw_unknown_name(std::string_view what, std::string_view name,
                        std::span<const std::string> known) {
  std::string all;
  for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
  const std::string near = nearest_name(name, known);
  throw usage_error("unknown {} '{}'{}; known: {}", what, escaped(name, 60),
                    near.empty() ? "" : fmt::format("; nearest: {}", near), all);
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  const std::size_t colon = text.find(':');
  spec.name = text.substr(0, colon);
  if (spec.name.empty()) {
    throw usage_error("expected NAME or NAME:KEY=VALUE,…, found '{}'", escaped(text, 60));
  }
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && equals > 0) {
      spec.parameters.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    } else if (equals == std::string_view::npos && !part.empty() && spec.main.empty() &&
               spec.parameters.empty()) {
      spec.main = part;
    } else {
      throw usage_error("'{}': expected KEY=VALUE, found '{}'", escaped(text, 60),
                        escaped(part, 60));
    }
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return spec;
}

}  // namespace bantam
