#include "bantam/cli/commands.h"
#include "bantam/cli/commands/model_writing.h"
#include "bantam/cli/session.h"
#include "bantam/model/model_reference.h"

namespace bantam {

namespace {

struct ModelApplyOptions {
  ModelWritingOptions writing;
  std::vector<std::string> adapter;
};

}  // namespace

template <>
void describe(Describer<ModelApplyOptions>& d) {
  d.nested(&ModelApplyOptions::writing);
  d(&ModelApplyOptions::adapter, "adapter",
    "PEFT folder to fold in, with an optional :scale; may be given several times.");
}

namespace {

class ModelApply final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    std::string reference = session.arguments()[0];
    for (const std::string& adapter : options_.adapter) reference += "+" + adapter;
    const LoadedModel model = load_model(reference);
    if (model.model->adapters().empty()) {
      throw usage_error("model apply: no adapter was named; use --adapter FOLDER or MODEL+FOLDER");
    }
    LoadedModel merged = model;
    merged.model = std::make_shared<CausalLM>(*model.model);
    merged.model->merge_adapters();
    std::vector<Path> inputs;
    for (const AdapterReference& adapter : resolve_model_reference(reference).adapters) {
      inputs.push_back(adapter.path);
    }
    return write_model(session, model, merged, options_.writing, std::move(inputs));
  }

 private:
  ModelApplyOptions options_;
};

}  // namespace

Command model_apply_command() {
  return {
      .name = "model apply",
      .group = CommandGroup::make_model,
      .summary = "Fold adapters into the weights and write the merged model.",
      .arguments = {{"MODEL", "A model reference."}},
      .examples =
          {{"bantam model apply smollm2-135m-instruct --adapter tuned/adapter -o merged.gguf", ""}},
      .shared = {"out", "force"},
      .body = [] { return std::make_unique<ModelApply>(); }};
}

}  // namespace bantam
