#include <cmath>

#include "bantam/cli/commands.h"
#include "bantam/cli/commands/model_writing.h"
#include "bantam/cli/session.h"

namespace bantam {

namespace {

class ModelConvert final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const LoadedModel model = load_model(session.arguments()[0]);
    if (!model.model->adapters().empty()) {
      throw usage_error(
          "model convert: '{}' has adapters; `bantam model apply` folds them into the weights",
          session.arguments()[0]);
    }
    return write_model(session, model, model, options_);
  }

 private:
  ModelWritingOptions options_;
};

}  // namespace

Command model_convert_command() {
  return {.name = "model convert",
          .group = CommandGroup::make_model,
          .summary =
              "Write a model as GGUF or as a Hugging Face folder, then load it again and compare.",
          .details =
              "An --out that ends in .gguf becomes a GGUF file, anything else a folder. After "
              "writing, the result is loaded "
              "and its logits on a fixed text, and the text it goes on with, are compared with the "
              "source's; a wrong file is never called done.",
          .arguments = {{"MODEL", "A model reference."}},
          .examples = {{"bantam model convert smollm2-135m-instruct --type bf16 -o folder",
                        "GGUF to a folder."},
                       {"bantam model convert folder --type q4_k -o small.gguf",
                        "A folder to a smaller GGUF."}},
          .shared = {"out", "force"},
          .body = [] { return std::make_unique<ModelConvert>(); }};
}

}  // namespace bantam
