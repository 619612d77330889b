#include "bantam/model/random_model.h"

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/base/version.h"
#include "bantam/model/architecture.h"
#include "bantam/model/gguf.h"
#include "bantam/model/gguf_vocabulary.h"
#include "bantam/tensor/ops/rope.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/text/byte_level.h"

namespace bantam {
namespace {

// From the config.json of each; tiny-15m is stories15M of llama2.c.
constexpr std::array<ModelShape, 7> kShapes = {{
    {"tiny-15m", 6, 288, 6, 6, 48, 768, 32000, 1024, 10000},
    {"smollm2-135m", 30, 576, 9, 3, 64, 1536, 49152, 8192, 100000},
    {"smollm2-360m", 32, 960, 15, 5, 64, 2560, 49152, 8192, 100000},
    {"qwen2.5-0.5b", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1000000},
    {"llama-3.2-1b", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 500000},
    {"qwen2.5-1.5b", 28, 1536, 12, 2, 128, 8960, 151936, 32768, 1000000},
    {"llama-3.2-3b", 28, 3072, 24, 8, 128, 8192, 128256, 131072, 500000},
}};

// Uniform with the given deviation: as good as normal for this, and four numbers a draw of bits.
void fill_row(const RandomStream& stream, std::int64_t row, std::span<float> values,
              double deviation) {
  const auto scale = static_cast<float>(deviation * std::sqrt(12.0) / 65536);
  const std::uint64_t draws = (values.size() + 3) / 4;
  for (std::size_t i = 0; i < values.size(); i += 4) {
    std::uint64_t bits = stream.bits_at(static_cast<std::uint64_t>(row) * draws + i / 4);
    for (std::size_t j = i; j < std::min(i + 4, values.size()); ++j, bits >>= 16) {
      values[j] = (static_cast<float>(bits & 0xffff) - 32767.5F) * scale;
    }
  }
}

Tensor random_weight(const std::string& name, const Shape& shape, DType dtype, double deviation,
                     std::uint64_t seed) {
  const RandomStream stream(seed, name);
  Tensor weight = Tensor::empty(shape, dtype);
  const std::int64_t rows = shape[0], width = shape[1];
  const std::uint64_t row_bytes = weight.byte_size() / static_cast<std::uint64_t>(rows);
  constexpr std::int64_t kRowsAtATime = 16;
  parallel_for(rows, kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) {
      fill_row(stream, row, values, deviation);
      quantize_row(dtype, values.data(), width,
                   weight.writable_bytes() + static_cast<std::uint64_t>(row) * row_bytes);
    }
  });
  return weight;
}

// A vocabulary that any text can be written in: bytes, and one token that ends.
BytePairVocabulary byte_vocabulary() {
  BytePairVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    const auto character = static_cast<char>(byte);
    vocabulary.tokens.push_back(to_byte_level(std::string_view(&character, 1)));
    vocabulary.types.push_back(TokenType::normal);
  }
  vocabulary.tokens.emplace_back("<|endoftext|>");
  vocabulary.types.push_back(TokenType::control);
  vocabulary.bos = vocabulary.eos = 256;
  vocabulary.pre = "gpt-2";
  return vocabulary;
}

// [outputs, inputs] of a site's weight.
Shape weight_shape(const ModelShape& shape, std::string_view site) {
  const std::int64_t query = shape.heads * shape.head_width,
                     key = shape.kv_heads * shape.head_width;
  if (site.ends_with("attn.q.weight")) return {query, shape.width};
  if (site.ends_with("attn.k.weight") || site.ends_with("attn.v.weight")) return {key, shape.width};
  if (site.ends_with("attn.o.weight")) return {shape.width, query};
  if (site.ends_with("mlp.down.weight")) return {shape.width, shape.feed_forward};
  if (site.ends_with("mlp.gate.weight") || site.ends_with("mlp.up.weight")) {
    return {shape.feed_forward, shape.width};
  }
  if (site == "embed.weight") return {shape.vocabulary, shape.width};
  return {shape.width};  // a norm
}

struct NewWeight {
  std::string name;
  Shape shape;
  double deviation;
};

std::vector<NewWeight> weights_of(const ModelShape& shape, const Architecture& architecture) {
  std::vector<NewWeight> weights;
  for (const WeightName& entry : architecture.weights) {
    if (entry.site == "head.weight") continue;  // tied
    const bool in_layer = entry.site.find('#') != entry.site.npos;
    const Shape dims = weight_shape(shape, entry.site);
    // Keeps the scale of what passes through, as freshly made models do; embeddings are small so
    // that logits of the tied head stay near one.
    const auto inputs = static_cast<double>(dims[dims.rank() - 1]);
    const double deviation = entry.site == "embed.weight" ? 0.02 : 1 / std::sqrt(inputs);
    for (int layer = 0; layer < (in_layer ? shape.layers : 1); ++layer) {
      weights.push_back({with_layer(entry.gguf, layer), dims, deviation});
    }
  }
  return weights;
}

void add_weights(GgufWriter& writer, const std::vector<NewWeight>& weights,
                 const GgufTensorTypes& types, std::uint64_t seed) {
  for (const NewWeight& weight : weights) {
    if (weight.shape.rank() == 1) {  // a norm
      writer.add(weight.name, Tensor::full(weight.shape, 1));
      continue;
    }
    const DType dtype = types.of(weight.name, weight.shape);
    writer.add(weight.name, weight.shape, dtype, [weight, dtype, seed] {
      return random_weight(weight.name, weight.shape, dtype, weight.deviation, seed);
    });
  }
}

}  // namespace

std::span<const ModelShape> model_shapes() { return kShapes; }

const ModelShape& model_shape_named(std::string_view name) {
  std::vector<std::string> known;
  for (const ModelShape& shape : kShapes) {
    if (shape.name == name) return shape;
    known.emplace_back(shape.name);
  }
  throw_unknown_name("model shape", name, known);
}

ModelShape with_width(const ModelShape& shape, std::int64_t width) {
  const std::int64_t group = shape.kv_heads * shape.head_width;
  if (width < group || width % group != 0) {
    throw usage_error("--width: expected a multiple of {} ({} heads of {}), found {}; try {}",
                      group, shape.kv_heads, shape.head_width, width,
                      std::max(width / group * group, group));
  }
  ModelShape wide = shape;
  wide.width = width;
  wide.heads = width / shape.head_width;
  wide.feed_forward = shape.feed_forward * width / shape.width;
  return wide;
}

DecoderConfig config_of(const ModelShape& shape) {
  DecoderConfig config;
  config.layers = shape.layers;
  config.width = shape.width;
  config.heads = shape.heads;
  config.kv_heads = shape.kv_heads;
  config.head_width = shape.head_width;
  config.feed_forward = shape.feed_forward;
  config.vocabulary = shape.vocabulary;
  config.context = shape.context;
  RopePart rope;
  rope.theta = shape.rope_theta;
  rope.frequencies = rope_frequencies(static_cast<int>(shape.head_width), shape.rope_theta);
  config.ropes = {rope};
  config.validate();
  return config;
}

void write_random_model(const ModelShape& shape, const RandomModelOptions& options,
                        const Path& file, ProgressSink& progress) {
  const DType main = main_type(options.dtype);
  if (!info(main).is_quantized && (!info(main).is_float || main == DType::f64)) {
    throw usage_error("random model: {} is not a type for weights", info(main).name);
  }
  const BytePairVocabulary vocabulary =
      options.tokenizer != nullptr ? options.tokenizer->vocabulary() : byte_vocabulary();
  if (static_cast<std::int64_t>(vocabulary.tokens.size()) > shape.vocabulary) {
    throw input_error("random model: the tokenizer has {} tokens but {} only {} rows for them",
                      with_commas(static_cast<std::int64_t>(vocabulary.tokens.size())), shape.name,
                      with_commas(shape.vocabulary));
  }
  const Architecture& llama = architecture_of_hf("llama");
  const DecoderConfig config = config_of(shape);
  GgufWriter writer;
  writer.set("general.architecture", std::string(llama.gguf_name));
  writer.set("general.type", std::string("model"));
  writer.set("general.name", fmt::format("random weights like {}", shape.name));
  writer.set("general.file_type", gguf_file_type(options.dtype));
  writer.set("general.quantization_version", std::uint32_t{2});
  writer.set("bantam.version", std::string(version()));
  writer.set("bantam.provenance", fmt::format("random weights, seed {}", options.seed));
  llama.config_to_gguf(config, writer);
  set_gguf_vocabulary(writer, vocabulary, shape.vocabulary);
  const std::vector<NewWeight> weights = weights_of(shape, llama);
  std::vector<std::string> names;
  for (const NewWeight& weight : weights) names.push_back(weight.name);
  add_weights(writer, weights, GgufTensorTypes(options.dtype, config, std::move(names)),
              options.seed);
  writer.write(file, progress);
}

}  // namespace bantam
