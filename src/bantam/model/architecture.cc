#include "bantam/model/architecture.h"

#include <algorithm>
#include <charconv>

#include "bantam/base/error.h"
#include "bantam/model/architectures/list.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"

namespace bantam {
namespace {

std::string known_families() {
  std::string names;
  for (const Architecture* family : architectures()) {
    if (names.ends_with(family->name)) continue;  // two forms of one family
    if (!names.empty()) names += ", ";
    names += family->name;
  }
  return names;
}

std::string with_number(std::string_view pattern, char mark, int number) {
  const auto at = pattern.find(mark);
  if (at == std::string_view::npos) return std::string(pattern);
  return fmt::format("{}{}{}", pattern.substr(0, at), number, pattern.substr(at + 1));
}

}  // namespace

std::span<const Architecture* const> architectures() {
  static const Architecture* const list[] = {
      &llama_architecture(),
      &mixtral_architecture(),  // before Mistral: its GGUF files may have Mistral's mark too
      &mistral_architecture(),
      &smollm3_architecture(),
      &arcee_architecture(),
      &qwen2_architecture(),
      &qwen3_architecture(),
      &qwen3_moe_architecture(),
      &gemma2_architecture(),
      &gemma3_architecture(),
      &phi3_architecture(),
      &gpt2_architecture(),
      &opt_architecture(),
      &starcoder2_architecture(),
      &olmo2_architecture(),
      &openelm_architecture(),
      &stablelm_architecture(),
      &granite_architecture(),
      &minicpm_architecture(),
      &deepseek_v2_architecture(),
      // encoders
      &bert_architecture(),
      &roberta_architecture(),
      &xlm_roberta_architecture(),
      &electra_architecture(),
      &modernbert_architecture(),
      &mobilebert_architecture(),
      &deberta_v2_architecture(),
      // encoder-decoders; of two with one name in files, the one that asks for more comes first
      &t5_gated_architecture(),
      &t5_architecture(),
      &mt5_gated_architecture(),
      &mt5_architecture(),
      &bart_architecture(),
      &mbart_architecture(),
      &marian_separate_architecture(),
      &marian_architecture(),
      &m2m_100_architecture(),
  };
  return list;
}

std::string with_layer(std::string_view pattern, int layer) {
  return with_number(pattern, '#', layer);
}

std::string with_expert(std::string_view pattern, int expert) {
  return with_number(pattern, '@', expert);
}

namespace {

// Replaces the number behind `prefix` by `mark`; -1 where there is none.
int take_number(std::string& site, std::string_view prefix, char mark) {
  const auto at = site.find(prefix);
  if (at == std::string::npos) return -1;
  const auto begin = at + prefix.size(), end = std::min(site.find('.', begin), site.size());
  int number = -1;
  const auto [stop, error] = std::from_chars(site.data() + begin, site.data() + end, number);
  if (error != std::errc() || stop != site.data() + end) return -1;
  site.replace(begin, end - begin, 1, mark);
  return number;
}

}  // namespace

SitePattern pattern_of_site(std::string_view site) {
  SitePattern place{std::string(site)};
  place.layer = take_number(place.pattern, "layers.", '#');
  place.expert = take_number(place.pattern, ".experts.", '@');
  if (place.expert < 0) place.expert = take_number(place.pattern, ".stack.", '@');
  return place;
}

const WeightName* Architecture::find_weight(std::string_view site_pattern) const {
  for (const WeightName& name : weights) {
    if (name.site == site_pattern) return &name;
  }
  return nullptr;
}

const WeightName& Architecture::weight(std::string_view site_pattern) const {
  if (const WeightName* found = find_weight(site_pattern)) return *found;
  throw internal_error("architecture {}: no weight named {}", name, site_pattern);
}

const Architecture& architecture_of_hf(std::string_view model_type) {
  for (const Architecture* family : architectures()) {
    if (family->hf_model_type == model_type) return *family;
  }
  throw input_error("model_type is '{}'; known families: {}", escaped(model_type),
                    known_families());
}

namespace {

bool marked(const GgufFile& file, std::string_view mark) {
  return file.has(mark) || file.find(mark) != nullptr;
}

}  // namespace

const Architecture& architecture_of_hf(const HfConfig& config) {
  const std::string type = config.require_string("model_type");
  for (const Architecture* family : architectures()) {
    if (family->hf_model_type != type) continue;
    if (family->hf_accepts == nullptr || family->hf_accepts(config)) return *family;
  }
  return architecture_of_hf(type);
}

const Architecture& architecture_of_gguf(const GgufFile& file) {
  const std::string name = file.require_string("general.architecture");
  const Architecture* plain = nullptr;
  for (const Architecture* family : architectures()) {
    if (family->gguf_name != name) continue;
    const bool is_plain = family->gguf_mark.empty() && family->gguf_accepts == nullptr;
    if (is_plain && plain == nullptr) plain = family;
    if (!family->gguf_mark.empty() && marked(file, family->gguf_mark)) return *family;
    if (family->gguf_accepts != nullptr && family->gguf_accepts(file)) return *family;
  }
  if (plain != nullptr) return *plain;
  throw input_error("general.architecture is '{}'; known families: {}", escaped(name),
                    known_families());
}

}  // namespace bantam
