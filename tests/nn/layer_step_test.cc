#include "bantam/nn/layer_step.h"

#include <gmock/gmock.h>

#include <cstring>
#include <functional>

#include "bantam/base/error.h"
#include "bantam/base/random.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

DecoderConfig usual_config() {
  DecoderConfig config;
  config.layers = 1;
  config.width = 128, config.heads = 4, config.kv_heads = 2, config.head_width = 32;
  config.feed_forward = 256, config.vocabulary = 10, config.context = 64;
  config.ropes.emplace_back().frequencies = rope_frequencies(32, 10000);
  return config;
}

Tensor random(const Shape& shape, std::string_view name) {
  RandomStream stream(1, name);
  Tensor x = Tensor::empty(shape);
  for (float& value : x.span<float>()) value = static_cast<float>(0.3 * stream.next_normal());
  return x;
}

DecoderLayer usual_layer() {
  DecoderLayer layer;
  layer.site = "layers.0";
  const auto linear = [](std::int64_t outputs, std::int64_t inputs, const std::string& name) {
    return LinearLayer{
        "layers.0." + name, quantize(random({outputs, inputs}, name), DType::q4_1), {}, {}};
  };
  const auto norm = [](std::int64_t width, const std::string& name) {
    return NormLayer{"layers.0." + name, random({width}, name), {}};
  };
  layer.attention_norm = norm(128, "attn_norm"), layer.feed_forward_norm = norm(128, "mlp_norm");
  layer.attention.query = linear(128, 128, "attn.q"),
  layer.attention.key = linear(64, 128, "attn.k");
  layer.attention.value = linear(64, 128, "attn.v"),
  layer.attention.output = linear(128, 128, "attn.o");
  layer.feed_forward.gate = linear(256, 128, "mlp.gate");
  layer.feed_forward.up = linear(256, 128, "mlp.up");
  layer.feed_forward.down = linear(128, 256, "mlp.down");
  return layer;
}

// Five tokens of a text in a store of their own.
struct Pass {
  explicit Pass(const DecoderConfig& config) : store(config.kv_shape(), 64) {
    const KvStore::Append append{store.new_sequence(), 5};
    KvStore::Step step = store.extend({&append, 1});
    Batch batch{{1, 2, 3, 4, 5}, step.plan, step.rows};
    tables = std::make_shared<const ForwardTables>(config, batch);
  }
  ForwardContext context(const DecoderConfig& config, Taps* taps = nullptr) {
    return {config, tables, &store, taps};
  }
  KvStore store;
  std::shared_ptr<const ForwardTables> tables;
};

TEST(LayerStep, GivesTheBitsOfTheLayersParts) {
  const DecoderConfig config = usual_config();
  const DecoderLayer layer = usual_layer();
  const Tensor x = random({5, 128}, "x");
  const RoundActivations rounded;
  Pass as_step(config), by_parts(config);
  ASSERT_TRUE(step_of(layer, 0, as_step.context(config)));
  Taps nobody;  // who taps has every part computed by itself
  ASSERT_FALSE(step_of(layer, 0, by_parts.context(config, &nobody)));
  const Tensor y = layer.forward(x, 0, as_step.context(config)),
               expected = layer.forward(x, 0, by_parts.context(config, &nobody));
  EXPECT_EQ(std::memcmp(y.bytes(), expected.bytes(), y.byte_size()), 0);
  for (const PageSide side : {PageSide::keys, PageSide::values}) {
    for (std::int32_t row = 0; row < 5; ++row) {
      EXPECT_EQ(page_row(as_step.store.pages(0), side, row, 1, 32).values(),
                page_row(by_parts.store.pages(0), side, row, 1, 32).values());
    }
  }
}

TEST(LayerStep, IsNoneWhereALayerHasOtherParts) {
  const std::pair<const char*, std::function<void(DecoderConfig&, DecoderLayer&)>> others[] = {
      {"an adapter",
       [](DecoderConfig&, DecoderLayer& layer) {
         layer.feed_forward.up.adapters.push_back(std::make_shared<const Adapter>());
       }},
      {"a bias behind attention",
       [](DecoderConfig&, DecoderLayer& layer) {
         layer.attention.output.bias = Tensor::zeros({128});
       }},
      {"a norm behind a branch",
       [](DecoderConfig&, DecoderLayer& layer) {
         layer.attention_post_norm = layer.attention_norm;
       }},
      {"no norm before", [](DecoderConfig&, DecoderLayer& layer) { layer.attention_norm = {}; }},
      {"a norm of its own for each head",
       [](DecoderConfig&, DecoderLayer& layer) {
         layer.attention.query_norm.weight = Tensor::zeros({4, 32});
       }},
      {"no gate", [](DecoderConfig&, DecoderLayer& layer) { layer.feed_forward.gate = {}; }},
      {"experts", [](DecoderConfig&,
                     DecoderLayer& layer) { layer.experts.experts.push_back(layer.feed_forward); }},
      {"another gate",
       [](DecoderConfig& config, DecoderLayer&) { config.activation = Activation::gelu_tanh; }},
      {"norms of another kind",
       [](DecoderConfig& config, DecoderLayer&) { config.norm = NormKind::layer; }},
      {"norms after sums",
       [](DecoderConfig& config, DecoderLayer&) {
         config.norm_placement = NormPlacement::after_sums;
       }},
      {"branches side by side",
       [](DecoderConfig& config, DecoderLayer&) { config.parallel_branches = true; }},
      {"scaled branches",
       [](DecoderConfig& config, DecoderLayer&) { config.residual_scale = 0.5; }},
  };
  for (const auto& [name, change] : others) {
    DecoderConfig config = usual_config();
    DecoderLayer layer = usual_layer();
    Pass pass(config);
    EXPECT_TRUE(step_of(layer, 0, pass.context(config))) << name;
    change(config, layer);
    EXPECT_FALSE(step_of(layer, 0, pass.context(config))) << name;
  }
}

TEST(LayerStep, AnErrorNamesTheLayer) {
  const DecoderConfig config = usual_config();
  DecoderLayer layer = usual_layer();
  layer.feed_forward.up.weight = layer.attention.output.weight;  // 128 features beside 256
  Pass pass(config);
  try {
    layer.forward(random({5, 128}, "x"), 0, pass.context(config));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("layers.0"));
    EXPECT_THAT(error.what(), testing::HasSubstr("128"));
  }
}

TEST(LayerStep, IsNoneWithoutAStore) {
  const DecoderConfig config = usual_config();
  Pass pass(config);
  ForwardContext context = pass.context(config);
  context.cache = nullptr;
  EXPECT_FALSE(step_of(usual_layer(), 0, context));
}

}  // namespace
}  // namespace bantam
