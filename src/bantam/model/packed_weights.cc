#include "bantam/model/packed_weights.h"

#include <unordered_map>
#include <unordered_set>

#include "bantam/base/error.h"

namespace bantam {
namespace {

// The tensors of a folder, with packed weights in the place of their parts.
class UnpackedSource : public WeightSource {
 public:
  UnpackedSource(std::shared_ptr<const WeightSource> source, std::vector<PackedWeight> packed)
      : source_(std::move(source)), packed_(std::move(packed)) {
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      places_.emplace(packed_[i].info.name, i);
      parts_.insert(packed_[i].parts.begin(), packed_[i].parts.end());
    }
  }

  std::vector<WeightInfo> weights() const override {
    std::vector<WeightInfo> all;
    for (const WeightInfo& weight : source_->weights()) {
      if (!parts_.contains(weight.name)) all.push_back(weight);
    }
    for (const PackedWeight& weight : packed_) all.push_back(weight.info);
    return all;
  }

  bool has(std::string_view name) const override {
    const std::string key(name);
    return places_.contains(key) || (source_->has(name) && !parts_.contains(key));
  }

  Tensor tensor(std::string_view name) const override {
    const auto place = places_.find(std::string(name));
    if (place != places_.end()) return packed_[place->second].decode();
    if (!has(name)) throw_missing_tensor(*this, name);
    return source_->tensor(name);
  }

  std::string description() const override { return source_->description(); }

 private:
  std::shared_ptr<const WeightSource> source_;
  std::vector<PackedWeight> packed_;
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_set<std::string> parts_;
};

}  // namespace

std::shared_ptr<const WeightSource> unpack_weights(std::shared_ptr<const WeightSource> source,
                                                   const HfConfig& config) {
  const auto settings = config.object("quantization_config");
  if (!settings) return source;
  const std::string method = settings->require_string("quant_method");
  std::vector<PackedWeight> packed;
  if (method == "gptq") {
    packed = gptq_weights(source, *settings);
  } else if (method == "awq") {
    packed = awq_weights(source, *settings);
  } else if (method == "bitsandbytes") {
    packed = bitsandbytes_weights(source);
  } else {
    throw input_error("{}: quant_method is '{}'; known: gptq, awq, bitsandbytes", settings->where(),
                      escaped(method));
  }
  if (packed.empty()) {
    throw input_error("{}: quant_method is '{}', but {} has no tensor packed by it",
                      settings->where(), method, source->description());
  }
  return std::make_shared<UnpackedSource>(std::move(source), std::move(packed));
}

Tensor packed_part(const WeightSource& source, const std::string& name, const Shape& shape) {
  Tensor part = source.tensor(name);
  if (!(part.shape() == shape)) {
    throw input_error("{}: tensor '{}' is {}; expected {} from the other parts of this weight",
                      source.description(), escaped(name), part.shape().text(), shape.text());
  }
  return part;
}

}  // namespace bantam
