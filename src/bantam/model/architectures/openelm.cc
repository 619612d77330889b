// OpenELM: Llama with a norm of each query and key head, and layers that grow towards the head:
// each has its own number of heads and its own feed-forward width (arXiv:2404.14619).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "transformer.token_embeddings.weight", "token_embd.weight"},
    {"layers.#.attn_norm.weight", "transformer.layers.#.attn_norm.weight",
     "blk.#.attn_norm.weight"},
    {"layers.#.attn.q.weight", "transformer.layers.#.attn.qkv_proj.weight", "blk.#.attn_qkv.weight",
     FileRows::query},
    {"layers.#.attn.k.weight", "transformer.layers.#.attn.qkv_proj.weight", "blk.#.attn_qkv.weight",
     FileRows::key},
    {"layers.#.attn.v.weight", "transformer.layers.#.attn.qkv_proj.weight", "blk.#.attn_qkv.weight",
     FileRows::value},
    {"layers.#.attn.o.weight", "transformer.layers.#.attn.out_proj.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.attn.q_norm.weight", "transformer.layers.#.attn.q_norm.weight",
     "blk.#.attn_q_norm.weight"},
    {"layers.#.attn.k_norm.weight", "transformer.layers.#.attn.k_norm.weight",
     "blk.#.attn_k_norm.weight"},
    {"layers.#.mlp_norm.weight", "transformer.layers.#.ffn_norm.weight", "blk.#.ffn_norm.weight"},
    {"layers.#.mlp.gate.weight", "transformer.layers.#.ffn.proj_1.weight", "blk.#.ffn_gate.weight",
     FileRows::gate},
    {"layers.#.mlp.up.weight", "transformer.layers.#.ffn.proj_1.weight", "blk.#.ffn_up.weight",
     FileRows::up},
    {"layers.#.mlp.down.weight", "transformer.layers.#.ffn.proj_2.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "transformer.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

// The multiple of `divisor` next to `size`, and at most a tenth below it.
std::int64_t rounded_to(double size, std::int64_t divisor) {
  const double half_up = size + static_cast<double>(divisor) / 2;
  const std::int64_t near =
      std::max(divisor, static_cast<std::int64_t>(half_up) / divisor * divisor);
  return static_cast<double>(near) < 0.9 * size ? near + divisor : near;
}

template <class Number>
std::vector<Number> numbers_of_layers(const HfConfig& config, const char* key, int layers) {
  const auto found = config.json().find(key);
  const bool listed =
      found != config.json().end() && found->is_array() && std::ssize(*found) == layers &&
      std::ranges::all_of(*found, [](const Json& item) { return item.is_number(); });
  if (!listed) {
    throw input_error("{}: {}: expected a list of {} numbers, one for each layer", config.where(),
                      key, layers);
  }
  return found->template get<std::vector<Number>>();
}

void require_one_form(const HfConfig& config) {
  for (const char* key : {"ffn_with_glu", "normalize_qk_projections"}) {
    if (!config.boolean(key).value_or(true)) {
      throw input_error("{}: {} is false; only true is known", config.where(), key);
    }
  }
  const std::string norm = config.string("normalization_layer_name").value_or("rms_norm");
  if (norm != "rms_norm") {
    throw input_error("{}: normalization_layer_name is '{}'; known: rms_norm", config.where(),
                      escaped(norm));
  }
  const std::string activation = config.string("activation_fn_name").value_or("swish");
  if (activation != "swish" && activation != "silu") {
    throw input_error("{}: activation_fn_name is '{}'; known: swish", config.where(),
                      escaped(activation));
  }
}

DecoderConfig from_hf(const HfConfig& config) {
  require_one_form(config);
  DecoderConfig out;
  out.layers = layer_count(config.require_integer("num_transformer_layers"));
  out.width = config.require_integer("model_dim");
  out.head_width = config.require_integer("head_dim");
  out.vocabulary = config.require_integer("vocab_size");
  out.context = config.require_integer("max_context_length");
  out.tied_head = config.boolean("share_input_output_layers").value_or(true);
  out.norm_epsilon = 1e-6f;
  const std::int64_t divisor = config.integer("ffn_dim_divisor").value_or(256);
  if (divisor < 1 || divisor > 1 << 22) {
    throw input_error("{}: ffn_dim_divisor is {}", config.where(), divisor);
  }
  std::vector<std::int64_t> feed_forward;
  for (const double factor : numbers_of_layers<double>(config, "ffn_multipliers", out.layers)) {
    const double width = factor * static_cast<double>(out.width);
    if (!(width > 0 && width < 1e9)) {
      throw input_error("{}: ffn_multipliers has {} for a width of {}", config.where(), factor,
                        out.width);
    }
    feed_forward.push_back(rounded_to(width, divisor));
  }
  set_layer_sizes(out, &LayerPart::feed_forward, &DecoderConfig::feed_forward, feed_forward);
  set_layer_sizes(out, &LayerPart::heads, &DecoderConfig::heads,
                  numbers_of_layers<std::int64_t>(config, "num_query_heads", out.layers));
  set_layer_sizes(out, &LayerPart::kv_heads, &DecoderConfig::kv_heads,
                  numbers_of_layers<std::int64_t>(config, "num_kv_heads", out.layers));
  out.ropes = {rope_from_parameters(nullptr, config.where(),
                                    config.number("rope_freq_constant").value_or(10000),
                                    out.head_width, out.context)};
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "openelm");
  out.ropes = {rope_from_gguf(file, "openelm", out.head_width, out.context)};
  return out;
}

// How OpenELM's own code forms the heads of all layers from a first and a last multiplier of the
// width: steps of equal size, rounded to hundredths.
std::vector<std::int64_t> heads_from(double first, double last, const DecoderConfig& config,
                                     std::int64_t groups) {
  std::vector<std::int64_t> heads;
  for (int layer = 0; layer < config.layers; ++layer) {
    const double step = config.layers > 1 ? (last - first) / (config.layers - 1) : 0;
    const double factor = std::round((first + step * layer) * 100) / 100;
    heads.push_back(
        rounded_to(factor * static_cast<double>(config.width), config.head_width * groups) /
        config.head_width);
  }
  return heads;
}

// Multipliers that give the model's heads, by hundredths.
Json multipliers_of(const DecoderConfig& config, std::int64_t groups) {
  const std::vector<std::int64_t> wanted = sizes_of_layers(config, &LayerPart::heads);
  const auto hundredths = [&](std::int64_t heads) {
    return static_cast<int>((100 * heads * config.head_width + config.width / 2) / config.width);
  };
  const int reach = hundredths(groups) + 1;
  const int first = hundredths(wanted.front()), last = hundredths(wanted.back());
  // What is nearest to the share of the width first: 0, -1, 1, -2, …
  const auto nth = [](int n) { return n % 2 == 0 ? n / 2 : -(n + 1) / 2; };
  for (int i = 0; i <= 2 * reach; ++i) {
    for (int k = 0; k <= 2 * reach; ++k) {
      const double a = (first + nth(i)) / 100.0, b = (last + nth(k)) / 100.0;
      if (a > 0 && b > 0 && heads_from(a, b, config, groups) == wanted) return {a, b};
    }
  }
  throw input_error(
      "config.json of openelm cannot state these numbers of heads, for its readers form them from "
      "a first and a last one; write a GGUF file instead");
}

// As a share of the width, in hundredths where that says enough.
double multiplier_of(std::int64_t feed_forward, std::int64_t divisor, std::int64_t width) {
  const double share = static_cast<double>(feed_forward) / static_cast<double>(width);
  const double rounded = std::round(share * 100) / 100;
  return rounded_to(rounded * static_cast<double>(width), divisor) == feed_forward ? rounded
                                                                                   : share;
}

Json to_hf(const DecoderConfig& config) {
  const LayerPart first = config.layer(0);
  const std::int64_t groups = first.heads / first.kv_heads;
  std::int64_t divisor = 0;
  for (int layer = 0; layer < config.layers; ++layer) {
    const LayerPart part = config.layer(layer);
    divisor = std::gcd(divisor, part.feed_forward);
    if (part.heads != groups * part.kv_heads) {
      throw input_error("config.json of openelm has one size of groups of heads for all layers");
    }
  }
  Json multipliers = Json::array();
  for (int layer = 0; layer < config.layers; ++layer) {
    multipliers.push_back(multiplier_of(config.layer(layer).feed_forward, divisor, config.width));
  }
  return {{"architectures", {"OpenELMForCausalLM"}},
          {"model_type", "openelm"},
          {"model_dim", config.width},
          {"head_dim", config.head_width},
          {"num_transformer_layers", config.layers},
          {"num_query_heads", sizes_of_layers(config, &LayerPart::heads)},
          {"num_kv_heads", sizes_of_layers(config, &LayerPart::kv_heads)},
          {"num_gqa_groups", groups},
          {"qkv_multipliers", multipliers_of(config, groups)},
          {"ffn_multipliers", multipliers},
          {"ffn_dim_divisor", divisor},
          {"ffn_with_glu", true},
          {"activation_fn_name", "swish"},
          {"normalization_layer_name", "rms_norm"},
          {"normalize_qk_projections", true},
          {"share_input_output_layers", config.tied_head},
          {"vocab_size", config.vocabulary},
          {"max_context_length", config.context},
          {"rope_max_length", 2 * config.context},
          {"rope_freq_constant", config.ropes[0].theta}};
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  if (!config.tied_head) {
    throw input_error("GGUF's openelm has no output head of its own, this model has one");
  }
  common_to_gguf(config, writer, "openelm");
  rope_to_gguf(config.ropes[0], writer, "openelm");
}

}  // namespace

const Architecture& openelm_architecture() {
  static const Architecture family{
      .name = "openelm",
      .hf_model_type = "openelm",
      .hf_class = "OpenELMForCausalLM",
      .gguf_name = "openelm",
      .weights = kWeights,
      .hf_prefix = "transformer.",
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
