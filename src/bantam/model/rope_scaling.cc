#include "bantam/model/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"

namespace bantam {
namespace {

std::vector<double> plain_frequencies(double theta, std::int64_t turning_width) {
  return rope_frequencies(static_cast<int>(turning_width), theta);
}

// Llama 3.1: long wavelengths are slowed by `factor`, short ones kept, a ramp between.
void scale_llama3(std::vector<double>& frequencies, const HfConfig& scaling) {
  const double factor = scaling.require_number("factor");
  const double low = scaling.require_number("low_freq_factor");
  const double high = scaling.require_number("high_freq_factor");
  const double trained = scaling.require_number("original_max_position_embeddings");
  for (double& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < trained / high) continue;
    if (wavelength > trained / low) {
      frequency /= factor;
      continue;
    }
    const double ramp = (trained / wavelength - low) / (high - low);
    frequency = (1 - ramp) * frequency / factor + ramp * frequency;
  }
}

// What YaRN multiplies attention with for a context `factor` times as long (arXiv:2309.00071, eq.
// 22).
double yarn_magnitude(double factor, double weight = 1) {
  return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
}

// YaRN (arXiv:2309.00071, section 3.2): frequencies that turn often within the trained context are
// kept, those that turn less than once are slowed by `factor`, a ramp between.
void scale_yarn(RopePart& rope, const HfConfig& scaling, std::int64_t context) {
  const double trained =
      scaling.number("original_max_position_embeddings").value_or(static_cast<double>(context));
  const double factor = scaling.number("factor").value_or(static_cast<double>(context) / trained);
  const auto pairs = static_cast<std::int64_t>(rope.frequencies.size());
  const auto width = 2 * static_cast<double>(pairs);
  const auto dimension_turning = [&](double times) {
    return width * std::log(trained / (times * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
  };
  double low = dimension_turning(scaling.number("beta_fast").value_or(32));
  double high = dimension_turning(scaling.number("beta_slow").value_or(1));
  if (scaling.boolean("truncate").value_or(true)) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, width - 1);
  if (low == high) high += 0.001;
  for (std::int64_t i = 0; i < pairs; ++i) {
    const double slowed = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    double& frequency = rope.frequencies[static_cast<std::size_t>(i)];
    frequency = frequency * (1 - slowed) + frequency / factor * slowed;
  }
  const double mscale = scaling.number("mscale").value_or(0);
  const double all_dimensions = scaling.number("mscale_all_dim").value_or(0);
  const double usual = mscale != 0 && all_dimensions != 0
                           ? yarn_magnitude(factor, mscale) / yarn_magnitude(factor, all_dimensions)
                           : yarn_magnitude(factor);
  rope.magnitude = scaling.number("attention_factor").value_or(usual);
}

std::vector<double> divided(std::vector<double> frequencies, const std::vector<double>& divisors,
                            const std::string& where) {
  if (divisors.size() != frequencies.size()) {
    throw input_error("{}: {} factors for {} rotary frequencies", where, divisors.size(),
                      frequencies.size());
  }
  for (std::size_t i = 0; i < divisors.size(); ++i) frequencies[i] /= divisors[i];
  return frequencies;
}

std::vector<double> numbers_of(const HfConfig& scaling, const char* key) {
  const auto found = scaling.json().find(key);
  std::vector<double> numbers;
  if (found != scaling.json().end() && found->is_array()) {
    for (const Json& value : *found) {
      if (value.is_number()) numbers.push_back(value.get<double>());
    }
    if (numbers.size() == found->size()) return numbers;
  }
  throw input_error("{}: '{}' should be an array of numbers", scaling.where(), key);
}

void scale_longrope(RopePart& rope, const HfConfig& scaling, std::int64_t context) {
  const double trained =
      scaling.number("original_max_position_embeddings").value_or(static_cast<double>(context));
  const double factor = scaling.number("factor").value_or(static_cast<double>(context) / trained);
  const std::vector<double> plain = rope.frequencies;
  rope.frequencies = divided(plain, numbers_of(scaling, "short_factor"), scaling.where());
  rope.long_frequencies = divided(plain, numbers_of(scaling, "long_factor"), scaling.where());
  rope.switch_length = static_cast<std::int64_t>(trained);
  const double usual = factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(trained));
  rope.magnitude = scaling.number("attention_factor").value_or(usual);
}

// Where YaRN's and LongRoPE's original context stands outside of the scaling (Phi-3).
Json with_original_context(Json scaling, const HfConfig& config) {
  const char* key = "original_max_position_embeddings";
  const auto outside = config.integer(key);
  if (outside && !scaling.contains(key)) scaling[key] = *outside;
  return scaling;
}

}  // namespace

RopePart rope_from_parameters(const HfConfig* parameters, const std::string& where, double theta,
                              std::int64_t turning_width, std::int64_t context) {
  RopePart rope;
  rope.theta = theta;
  if (!(theta > 0) || !std::isfinite(theta)) {
    throw input_error("{}: rope base is {}; expected a positive number", where, theta);
  }
  if (turning_width < 2) return rope;
  rope.frequencies = plain_frequencies(theta, turning_width);
  if (parameters == nullptr) return rope;
  const std::string kind =
      parameters->string("rope_type").value_or(parameters->string("type").value_or("default"));
  if (kind == "default") return rope;
  Json stated = parameters->json();
  for (const char* outside : {"rope_theta", "partial_rotary_factor"}) stated.erase(outside);
  rope.scaling_json = dump_json(stated);
  if (kind == "linear") {
    for (double& frequency : rope.frequencies) frequency /= parameters->require_number("factor");
  } else if (kind == "dynamic") {
    rope.dynamic_factor = parameters->require_number("factor");
    rope.switch_length = context;
  } else if (kind == "yarn") {
    scale_yarn(rope, *parameters, context);
  } else if (kind == "longrope" || kind == "su") {
    scale_longrope(rope, *parameters, context);
  } else if (kind == "llama3") {
    scale_llama3(rope.frequencies, *parameters);
  } else {
    throw input_error(
        "{}: rope_scaling of type '{}' is not known to Bantam; known: default, linear, dynamic, "
        "yarn, longrope, llama3",
        where, escaped(kind));
  }
  return rope;
}

RopePart rope_from_hf(const HfConfig& config, std::int64_t turning_width, std::int64_t context,
                      double default_theta) {
  // Newer files keep the base inside "rope_parameters".
  const auto parameters = config.object("rope_parameters");
  const auto scaling = config.object("rope_scaling");
  double theta = config.number("rope_theta").value_or(default_theta);
  if (parameters) theta = parameters->number("rope_theta").value_or(theta);
  const auto& stated = scaling ? scaling : parameters;
  if (!stated) {
    return rope_from_parameters(nullptr, config.where(), theta, turning_width, context);
  }
  const HfConfig whole(with_original_context(stated->json(), config), stated->where());
  return rope_from_parameters(&whole, config.where(), theta, turning_width, context);
}

void rope_to_hf(const RopePart& rope, Json& out) {
  out["rope_theta"] = rope.theta;
  if (!rope.scaling_json.empty()) {
    out["rope_scaling"] = parse_json(rope.scaling_json);
    return;
  }
  const auto width = 2 * static_cast<std::int64_t>(rope.frequencies.size());
  if (rope.frequencies != plain_frequencies(rope.theta, width)) {
    throw input_error(
        "this model's rotary frequencies are scaled in a way that config.json cannot state; export "
        "GGUF instead");
  }
}

std::int64_t turning_width_from_hf(const HfConfig& config, std::int64_t head_width,
                                   double default_factor) {
  const auto parameters = config.object("rope_parameters");
  double factor = config.number("partial_rotary_factor").value_or(default_factor);
  if (parameters) factor = parameters->number("partial_rotary_factor").value_or(factor);
  if (!(factor > 0) || factor > 1) {
    throw input_error("{}: partial_rotary_factor is {}; expected more than 0 and at most 1",
                      config.where(), factor);
  }
  return static_cast<std::int64_t>(factor * static_cast<double>(head_width)) / 2 * 2;
}

namespace {

// The keys of a GGUF file as config.json would state them; nothing when unscaled.
Json scaling_of_gguf(const GgufFile& file, const std::string& prefix) {
  const std::string kind = file.string(prefix + "type").value_or("linear");
  const auto factor = file.number(prefix + "factor");
  if (!factor || kind == "none") return nullptr;
  Json scaling = {{"rope_type", kind}, {"factor", *factor}};
  const auto copy = [&](const char* key, const char* name) {
    if (const auto value = file.number(prefix + key)) scaling[name] = *value;
  };
  if (const auto trained = file.integer(prefix + "original_context_length")) {
    scaling["original_max_position_embeddings"] = *trained;
  }
  copy("yarn_beta_fast", "beta_fast");
  copy("yarn_beta_slow", "beta_slow");
  return scaling;
}

Json array_of(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(value);
  return out;
}

}  // namespace

RopePart rope_from_gguf(const GgufFile& file, std::string_view prefix, std::int64_t turning_width,
                        std::int64_t context) {
  const std::string keys = fmt::format("{}.rope.", prefix);
  const double theta = file.number(keys + "freq_base").value_or(10000.0);
  Json scaling = scaling_of_gguf(file, keys + "scaling.");
  if (file.has("rope_factors_long.weight") && file.has("rope_factors_short.weight")) {
    scaling = {{"rope_type", "longrope"},
               {"long_factor", array_of(file.tensor("rope_factors_long.weight").values())},
               {"short_factor", array_of(file.tensor("rope_factors_short.weight").values())}};
    if (const auto trained = file.integer(keys + "scaling.original_context_length")) {
      scaling["original_max_position_embeddings"] = *trained;
    }
    if (const auto magnitude = file.number(keys + "scaling.attn_factor")) {
      scaling["attention_factor"] = *magnitude;
    }
  }
  RopePart rope;
  if (scaling.is_null()) {
    rope = rope_from_parameters(nullptr, file.description(), theta, turning_width, context);
  } else {
    const HfConfig stated(scaling, file.description());
    rope = rope_from_parameters(&stated, file.description(), theta, turning_width, context);
  }
  if (file.has("rope_freqs.weight")) {
    // Llama 3.1's scaling as llama.cpp stores it: one divisor a frequency.
    rope.frequencies =
        divided(rope.frequencies, file.tensor("rope_freqs.weight").values(), file.description());
  }
  return rope;
}

namespace {

void add_divisors(GgufWriter& writer, std::string_view name, const std::vector<double>& plain,
                  const std::vector<double>& frequencies) {
  std::vector<float> divisors(plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    divisors[i] = static_cast<float>(plain[i] / frequencies[i]);
  }
  writer.add(name, Tensor::from(divisors, {static_cast<std::int64_t>(divisors.size())}));
}

}  // namespace

void rope_to_gguf(const RopePart& rope, GgufWriter& writer, std::string_view prefix) {
  const std::string keys = fmt::format("{}.rope.", prefix);
  const auto width = 2 * static_cast<std::int64_t>(rope.frequencies.size());
  const std::vector<double> plain = plain_frequencies(rope.theta, width);
  writer.set(keys + "freq_base", static_cast<float>(rope.theta));
  writer.set(keys + "dimension_count", static_cast<std::uint32_t>(width));
  if (rope.dynamic_factor != 0) {
    throw input_error(
        "this model's rotary positions are scaled with the length of the text (dynamic), which "
        "GGUF cannot state; export a Hugging Face folder instead");
  }
  if (!rope.long_frequencies.empty()) {
    add_divisors(writer, "rope_factors_long.weight", plain, rope.long_frequencies);
    add_divisors(writer, "rope_factors_short.weight", plain, rope.frequencies);
    writer.set(keys + "scaling.original_context_length",
               static_cast<std::uint32_t>(rope.switch_length));
    writer.set(keys + "scaling.attn_factor", static_cast<float>(rope.magnitude));
    return;
  }
  const Json scaling = rope.scaling_json.empty() ? Json() : parse_json(rope.scaling_json);
  const std::string kind =
      scaling.is_object() ? scaling.value("rope_type", scaling.value("type", "")) : "";
  if (kind == "linear" || kind == "yarn") {
    writer.set(keys + "scaling.type", kind);
    writer.set(keys + "scaling.factor", scaling.value("factor", 1.0f));
    if (scaling.contains("original_max_position_embeddings")) {
      writer.set(keys + "scaling.original_context_length",
                 scaling["original_max_position_embeddings"].get<std::uint32_t>());
    }
    return;
  }
  if (rope.frequencies != plain) add_divisors(writer, "rope_freqs.weight", plain, rope.frequencies);
}

}  // namespace bantam
