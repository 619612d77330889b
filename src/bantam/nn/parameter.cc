#include "bantam/nn/parameter.h"

#include <charconv>
#include <functional>
#include <set>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

int layer_number(std::string_view text, int layers, std::string_view selector) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < -layers ||
      value >= layers) {
    throw usage_error("selector '{}': '{}' is not a layer; the model has layers 0 to {}", selector,
                      text, layers - 1);
  }
  return value < 0 ? value + layers : value;
}

// "3", "0-1", "-2-": a leading minus counts from the end, a trailing one means "to the end".
std::set<int> layer_list(std::string_view text, int layers, std::string_view selector) {
  std::set<int> chosen;
  for (const std::string_view item : split(text, ',')) {
    const auto dash = item.find('-', 1);
    const int first = layer_number(item.substr(0, dash), layers, selector);
    int last = first;
    if (dash != std::string_view::npos) {
      last = dash + 1 == item.size() ? layers - 1
                                     : layer_number(item.substr(dash + 1), layers, selector);
    }
    for (int layer = first; layer <= last; ++layer) chosen.insert(layer);
  }
  return chosen;
}

using Matches = std::function<bool(const Parameter&)>;

Matches matcher(std::string_view part, int layers) {
  const auto has_role = [](ParameterRole role) {
    return [role](const Parameter& p) { return p.role == role; };
  };
  if (part == "all") return [](const Parameter&) { return true; };
  if (part == "embeddings") return has_role(ParameterRole::embedding);
  if (part == "head") return has_role(ParameterRole::head);
  if (part == "norms") return has_role(ParameterRole::norm);
  if (part == "biases") return has_role(ParameterRole::bias);
  if (part == "linears") return has_role(ParameterRole::linear);
  if (part == "adapters") return has_role(ParameterRole::adapter);
  if (part.starts_with("layers:")) {
    const std::set<int> chosen = layer_list(part.substr(7), layers, part);
    return [chosen](const Parameter& p) { return chosen.contains(p.layer); };
  }
  const std::vector<std::string> known = {"all",    "embeddings", "head",     "norms",
                                          "biases", "linears",    "adapters", "layers:0-1"};
  throw_unknown_name("parameter selector", part, known);
}

}  // namespace

ParameterSet ParameterSet::select(std::vector<Parameter> parameters, std::string_view selector,
                                  int layers) {
  std::vector<Matches> any;
  for (const std::string_view part : split(selector, '+')) any.push_back(matcher(part, layers));
  ParameterSet set;
  for (Parameter& parameter : parameters) {
    for (const Matches& matches : any) {
      if (!matches(parameter)) continue;
      set.parameters_.push_back(std::move(parameter));
      break;
    }
  }
  if (set.parameters_.empty())
    throw usage_error("selector '{}' chooses no parameter of this model", selector);
  return set;
}

std::int64_t ParameterSet::element_count() const {
  std::int64_t total = 0;
  for (const Parameter& parameter : parameters_) total += parameter.tensor->count();
  return total;
}

void ParameterSet::make_trainable() {
  for (Parameter& parameter : parameters_) {
    Tensor& tensor = *parameter.tensor;
    if (tensor.wants_gradient()) continue;
    // A copy even of f32: weights may be views of a mapped file.
    if (tensor.dtype() != DType::f64)
      tensor = tensor.dtype() == DType::f32 ? tensor.clone() : dequantize(tensor);
    tensor = tensor.as_variable();
  }
}

}  // namespace bantam
