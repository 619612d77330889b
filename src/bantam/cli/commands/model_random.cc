#include "bantam/base/options.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/random_model.h"

namespace bantam {

namespace {

struct ModelRandomOptions {
  std::string like;
  std::int64_t width = 0;
  std::string quant = "q4_k";
  std::string tokenizer;
};

std::string known_shapes() {
  std::string names;
  for (const ModelShape& shape : model_shapes()) {
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  }
  return names;
}

}  // namespace

template <>
void describe(Describer<ModelRandomOptions>& d) {
  d(&ModelRandomOptions::like, "like", "Whose shape the model has: " + known_shapes() + ".");
  d(&ModelRandomOptions::width, "width",
    "Width instead of the shape's; heads and feed-forward grow with it. 0: the shape's own.",
    between(std::int64_t{0}, std::int64_t{1} << 16));
  d(&ModelRandomOptions::quant, "quant",
    "Weight type, or a mixture of llama.cpp's: f32, f16, bf16, q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, "
    "q4_1, q4_0, iq4_nl, q3_k, q2_k; q5_k_m, q5_k_s, q4_k_m, q4_k_s, q3_k_l, q3_k_m, q3_k_s, "
    "q2_k_mixed.");
  d(&ModelRandomOptions::tokenizer, "tokenizer",
    "Model whose tokenizer is taken; by default one of single bytes. Padded to the shape.");
}

namespace {

class ModelRandom final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    if (options_.like.empty()) {
      throw usage_error("--like: expected the name of a shape, found none; known: {}",
                        known_shapes());
    }
    const ModelShape& named = model_shape_named(options_.like);
    const ModelShape shape = options_.width > 0 ? with_width(named, options_.width) : named;
    const GgufWeightType dtype = gguf_weight_type_named(options_.quant);
    if (!session.shared().out) throw usage_error("--out names the .gguf file to write");
    const Path out = *session.shared().out;
    require_fresh_output(out, session.shared().force);
    std::shared_ptr<const Tokenizer> tokenizer;
    if (!options_.tokenizer.empty()) {
      tokenizer = load_tokenizer(resolve_model_reference(options_.tokenizer).path);
    }
    RandomModelOptions random{.dtype = dtype,
                              .seed = static_cast<std::uint64_t>(session.shared().seed),
                              .tokenizer = tokenizer.get()};
    write_random_model(shape, random, out, session.progress());
    const auto bytes = std::filesystem::file_size(out);
    if (session.json()) {
      session.result({{"out", out.string()},
                      {"like", shape.name},
                      {"width", shape.width},
                      {"quant", name_of(dtype)},
                      {"seed", random.seed},
                      {"bytes", bytes}});
    } else {
      session.print("{}: random weights like {}, {}\n", out.string(), shape.name,
                    format_bytes(bytes));
    }
    return 0;
  }

 private:
  ModelRandomOptions options_;
};

}  // namespace

Command model_random_command() {
  return {.name = "model random",
          .group = CommandGroup::make_model,
          .summary = "Write a model of a known shape with random weights, to measure speed with.",
          .details =
              "The file is of the Llama family with a tied head, and loads here and in llama.cpp. "
              "What it says is noise; how fast it says it, and what memory it takes, is what a "
              "trained model of that shape would show. Weights are made and written tensor by "
              "tensor and follow from --seed. Rows that are no whole number of blocks take what "
              "llama.cpp's quantizer falls back to: q5_0 for q4_k, q8_0 for q6_k.",
          .examples = {{"bantam model random --like llama-3.2-3b --quant q4_k -o 3b.gguf", ""},
                       {"bantam bench model 3b.gguf --repeat 3", "Then measure it."}},
          .shared = {"out", "seed", "force"},
          .body = [] { return std::make_unique<ModelRandom>(); }};
}

}  // namespace bantam
