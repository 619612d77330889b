// Trains a LoRA adapter over the quantized weights, in memory.   example_train_adapter [MODEL]
#include <cstdio>
#include <string>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/data/format.h"
#include "bantam/model/load_model.h"
#include "bantam/train/trainer.h"

int main(int argc, char** argv) {
  try {
    const bantam::LoadedModel loaded = bantam::load_model(argc > 1 ? argv[1] : "");

    std::vector<bantam::Row> rows(4);
    const char* pairs[][2] = {
        {"apple", "red"}, {"banana", "yellow"}, {"lime", "green"}, {"plum", "violet"}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].kind = bantam::Row::Kind::prompt_completion;
      rows[i].prompt = std::string(pairs[i][0]) + " ->";
      rows[i].completion = std::string(" ") + pairs[i][1];
    }
    bantam::FormatReport report;
    const auto examples =
        bantam::Formatter(loaded.tokenizer, {}).format(bantam::Dataset(std::move(rows)), report);

    auto adapter = loaded.model->make_adapter("colors", {.rank = 4, .alpha = 8}, /*seed=*/1);
    loaded.model->attach(adapter);
    bantam::TrainOptions options;
    options.batch = 4;
    options.learning_rate = 2e-3;
    options.length.steps = 8;
    bantam::Trainer trainer(*loaded.model,
                            bantam::ParameterSet::select(adapter->parameters(), "adapters",
                                                         loaded.model->config().layers),
                            {examples, {}}, options);
    const bantam::TrainResult result = trainer.run();
    std::printf("%lld steps, loss %.3f at the last\n", static_cast<long long>(result.steps),
                result.loss);
    return 0;
  } catch (const bantam::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
