#include "bantam/generate/generate_options.h"

#include <array>
#include <charconv>

#include "bantam/generate/generation_defaults.h"

namespace bantam {
namespace {

void take_sampling(SamplerOptions& sampler, const Json& config, std::vector<std::string>& told) {
  take_default(sampler.temperature, config, "temperature", 1e-6, 1e6, told);
  take_default(sampler.top_k, config, "top_k", 0, 1e9, told);
  take_default(sampler.top_p, config, "top_p", 0, 1, told);
  take_default(sampler.min_p, config, "min_p", 0, 1, told);
  take_default(sampler.typical_p, config, "typical_p", 0, 1, told);
}

}  // namespace

Decoding parse_decoding(const std::string& text) {
  const Spec spec = parse_spec(text);
  if (spec.name == "greedy" && spec.main.empty()) return {Decoding::Kind::greedy, 1};
  if (spec.name == "sample" && spec.main.empty()) return {Decoding::Kind::sample, 1};
  if (spec.name == "beam") {
    int beams = 0;
    const char* end = spec.main.data() + spec.main.size();
    const auto [stop, error] = std::from_chars(spec.main.data(), end, beams);
    if (error == std::errc() && stop == end && beams >= 1 && beams <= 1024) {
      return {Decoding::Kind::beam, beams};
    }
    throw usage_error("decode: beam needs its number of beams, 1 to 1024, as in beam:4; found '{}'",
                      text);
  }
  const std::array<std::string, 3> known = {"greedy", "sample", "beam:B"};
  throw_unknown_name("decode", text, known);
}

std::vector<std::string> apply_generation_defaults(GenerateOptions& options, const Json& config) {
  std::vector<std::string> told;
  SamplerOptions& sampler = options.sampler;
  take_default(sampler.repetition_penalty, config, "repetition_penalty", 1e-6, 1e6, told);
  take_default(options.min_tokens, config, "min_new_tokens", 1, 1e9, told);
  take_default(options.no_repeat_ngram, config, "no_repeat_ngram_size", 1, 1024, told);
  if (!options.decode) {
    std::optional<int> beams;
    if (sampler.temperature) {
      options.decode = *sampler.temperature > 0 ? "sample" : "greedy";
    } else if (says_yes(config, "do_sample")) {
      options.decode = "sample";
    } else {
      take_default(beams, config, "num_beams", 2, 64, told);
      options.decode = beams ? fmt::format("beam:{}", *beams) : "greedy";
      if (beams) take_default(options.length_penalty, config, "length_penalty", -100, 100, told);
    }
  }
  if (parse_decoding(*options.decode).kind != Decoding::Kind::sample) {
    sampler.temperature = 0;
    return told;
  }
  if (sampler.temperature && *sampler.temperature == 0) {
    options.decode = "greedy";  // the limit of sampling at temperature 0
    return told;
  }
  take_sampling(sampler, config, told);
  if (!sampler.temperature) sampler.temperature = 1;
  return told;
}

}  // namespace bantam
