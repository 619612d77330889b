#include "bantam/train/spec_options.h"

#include <algorithm>
#include <string>
#include <vector>

namespace bantam {
namespace {

void set_parameter(std::span<Option> options, std::string_view what, const Spec& spec,
                   std::string_view key, std::string_view value) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const Option& option) { return option.key == key; });
  if (found == options.end()) {
    std::vector<std::string> known;
    for (const Option& option : options) known.push_back(option.key);
    throw_unknown_name(fmt::format("parameter of {} {}", what, spec.name), key, known);
  }
  try {
    found->set(Json(std::string(value)));
  } catch (const Error& error) {
    throw error.at(fmt::format("{} {}", what, spec.name));
  }
}

}  // namespace

void apply_spec(const Spec& spec, std::span<Option> options, std::string_view what,
                std::string_view main_key) {
  if (!spec.main.empty()) {
    if (main_key.empty()) {
      throw usage_error("{} {}: expected KEY=VALUE, found '{}'", what, spec.name,
                        escaped(spec.main, 60));
    }
    set_parameter(options, what, spec, main_key, spec.main);
  }
  for (const auto& [key, value] : spec.parameters) set_parameter(options, what, spec, key, value);
}

}  // namespace bantam
