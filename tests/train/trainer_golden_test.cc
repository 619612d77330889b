// Twenty steps of full and of LoRA training as torch, transformers and PEFT take them in f32:
// tests/golden/train, made by tools/golden/train_tiny.py.
#include <gtest/gtest.h>

#include <map>

#include "bantam/model/safetensors.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/train/trainer.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

const Json& golden() {
  static const Json runs = read_json(golden_folder() / "train/runs.json");
  return runs;
}

std::vector<Example> golden_examples() {
  std::vector<Example> examples;
  for (const Json& row : golden()["examples"]) {
    examples.push_back({row["ids"].get<std::vector<std::int32_t>>(),
                        row["weights"].get<std::vector<float>>(),
                        "row:" + std::to_string(examples.size())});
  }
  return examples;
}

TrainOptions golden_options(const Json& run) {
  TrainOptions options;
  options.learning_rate = run["lr"].get<double>();
  options.weight_decay = run["weight_decay"].get<double>();
  options.clip_norm = run["clip_norm"].get<double>();
  options.schedule = "cosine:warmup=" + std::to_string(run["warmup"].get<int>());
  options.batch = 8;
  options.micro_batch_tokens = 60;  // several micro-batches a step
  options.length.steps = static_cast<std::int64_t>(run["losses"].size());
  return options;
}

// The trainer's own log is what is compared: one line a step.
void expect_same_curve(const Path& log, const Json& run) {
  const std::string text = read_file(log);
  std::size_t begin = 0, step = 0;
  for (; begin < text.size(); ++step) {
    const std::size_t end = text.find('\n', begin);
    const Json line = parse_json(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    const double loss = run["losses"][step].get<double>();
    EXPECT_NEAR(line["loss"].get<double>(), loss, 1e-4 * loss) << "step " << step;
    const double norm = run["gradient_norms"][step].get<double>();
    EXPECT_NEAR(line["gradient_norm"].get<double>(), norm, 1e-3 * norm) << "step " << step;
  }
  EXPECT_EQ(step, run["losses"].size());
}

void expect_near(const Tensor& found, const Tensor& expected, const std::string& name) {
  ASSERT_TRUE(found.shape() == expected.shape()) << name;
  const auto x = found.values(), y = expected.values();
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    largest = std::max(largest, std::abs(y[i]));
    difference = std::max(difference, std::abs(x[i] - y[i]));
  }
  // Adam divides by the root of the second moment: where a gradient is near zero, its rounding
  // decides the direction of a step, so weights agree less well than losses.
  EXPECT_LT(difference, 2e-3 * largest) << name;
}

class TrainerGolden : public testing::Test {
 protected:
  TrainerGolden() { set_matmul_precision(MatmulPrecision::f32); }
  ~TrainerGolden() override { set_matmul_precision(MatmulPrecision::automatic); }
  TemporaryFolder folder_;
};

TEST_F(TrainerGolden, FullTrainingEqualsTorch) {
  const auto model = tiny_model();
  const std::vector<Example> examples = golden_examples();
  Trainer trainer(*model, ParameterSet::select(model->parameters(), "all", 2), {examples, {}},
                  golden_options(golden()["full"]), {}, folder_.path());
  trainer.run();
  expect_same_curve(folder_.path() / "log.jsonl", golden()["full"]);
  const auto file = SafetensorsFile::open(golden_folder() / "train/full.safetensors");
  std::map<std::string, Tensor> by_name;
  visit_decoder_weights(*model, WeightNaming::hf,
                        [&](const std::string& name, const Tensor& w) { by_name[name] = w; });
  for (const std::string& name : file->names()) {
    ASSERT_TRUE(by_name.contains(name)) << name;
    expect_near(by_name[name], file->tensor(name), name);
  }
}

// "layers.1.mlp.down" -> "model.layers.1.mlp.down_proj"
std::string peft_site(const CausalLM& model, const std::string& site) {
  const std::string layer = site.substr(7, site.find('.', 7) - 7);
  const std::string pattern = "layers.#" + site.substr(7 + layer.size()) + ".weight";
  std::string name(model.architecture().weight(pattern).hf);
  name.replace(name.find('#'), 1, layer);
  return name.substr(0, name.rfind('.'));
}

TEST_F(TrainerGolden, LoraTrainingEqualsPeft) {
  const auto model = tiny_model();
  const Json& run = golden()["lora"];
  const auto file = SafetensorsFile::open(golden_folder() / "train/lora.safetensors");
  const LoraOptions lora{.rank = run["rank"].get<int>(), .alpha = run["alpha"].get<double>()};
  const auto adapter = model->make_adapter("task", lora, 1);
  for (auto& [site, delta] : adapter->deltas) {
    delta.a = file->tensor("initial." + peft_site(*model, site) + ".lora_A.weight").clone();
  }
  model->attach(adapter);
  const std::vector<Example> examples = golden_examples();
  Trainer trainer(*model, ParameterSet::select(model->parameters(), "adapters", 2), {examples, {}},
                  golden_options(run), {}, folder_.path());
  trainer.run();
  expect_same_curve(folder_.path() / "log.jsonl", run);
  ASSERT_EQ(adapter->deltas.size(), 14u);
  for (auto& [site, delta] : adapter->deltas) {
    const std::string name = "final." + peft_site(*model, site);
    expect_near(delta.a, file->tensor(name + ".lora_A.weight"), name + " A");
    expect_near(delta.b, file->tensor(name + ".lora_B.weight"), name + " B");
  }
}

}  // namespace
}  // namespace bantam
