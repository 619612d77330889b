#include "bantam/model/architecture.h"

#include "bantam/base/error.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

std::string known_families() {
  std::string names;
  for (const Architecture* family : architectures()) {
    if (!names.empty()) names += ", ";
    names += family->name;
  }
  return names;
}

}  // namespace

std::span<const Architecture* const> architectures() {
  static const Architecture* const list[] = {&llama_architecture()};
  return list;
}

std::string with_layer(std::string_view pattern, int layer) {
  const auto at = pattern.find('#');
  if (at == std::string_view::npos) return std::string(pattern);
  return fmt::format("{}{}{}", pattern.substr(0, at), layer, pattern.substr(at + 1));
}

const WeightName& Architecture::weight(std::string_view site_pattern) const {
  for (const WeightName& name : weights) {
    if (name.site == site_pattern) return name;
  }
  throw internal_error("architecture {}: no weight named {}", name, site_pattern);
}

const Architecture& architecture_of_hf(std::string_view model_type) {
  for (const Architecture* family : architectures()) {
    if (family->hf_model_type == model_type) return *family;
  }
  throw input_error("model_type is '{}'; known families: {}", escaped(model_type),
                    known_families());
}

const Architecture& architecture_of_gguf(std::string_view name) {
  for (const Architecture* family : architectures()) {
    if (family->gguf_name == name) return *family;
  }
  throw input_error("general.architecture is '{}'; known families: {}", escaped(name),
                    known_families());
}

}  // namespace bantam
