#include "bantam/model/rounded_weights.h"

#include <cstring>
#include <string>
#include <unordered_map>

#include "bantam/model/decoder_weights.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {

Tensor rounded_to(const Tensor& weight, DType dtype) {
  if (weight.dtype() == dtype) return weight.stop_gradient();
  const Tensor plain = dequantize(weight);
  return dtype == DType::f32 ? plain : quantize(plain, dtype);
}

bool holds_rounded(const Transformer& written, const Transformer& source) {
  const WeightNaming naming =
      source.architecture().gguf_name.empty() ? WeightNaming::hf : WeightNaming::gguf;
  std::unordered_map<std::string, Tensor> found;
  visit_decoder_weights(written, naming, [&](const std::string& name, const Tensor& weight) {
    found.emplace(name, weight);
  });
  std::size_t same = 0;
  bool all = true;
  visit_decoder_weights(source, naming, [&](const std::string& name, const Tensor& weight) {
    const auto place = found.find(name);
    if (!all || place == found.end()) {
      all = false;
      return;
    }
    const Tensor expected = rounded_to(weight, place->second.dtype());
    all = expected.shape() == place->second.shape() &&
          std::memcmp(expected.bytes(), place->second.bytes(), expected.byte_size()) == 0;
    ++same;
  });
  return all && same == found.size();
}

}  // namespace bantam
