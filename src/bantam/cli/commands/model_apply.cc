#include "bantam/cli/commands.h"
#include "bantam/cli/commands/encoder_writing.h"
#include "bantam/cli/commands/model_writing.h"
#include "bantam/cli/commands/seq2seq_writing.h"
#include "bantam/cli/session.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"

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
    const ModelReference named = resolve_model_reference(reference);
    if (named.adapters.empty()) {
      throw usage_error("model apply: no adapter was named; use --adapter FOLDER or MODEL+FOLDER");
    }
    std::vector<Path> inputs;
    for (const AdapterReference& adapter : named.adapters) inputs.push_back(adapter.path);
    switch (kind_of_model(named.path)) {
      case ModelKind::encoder: {
        const EncoderSource model = read_encoder_source(reference);
        return write_encoder(session, model, model.merged(), options_.writing, std::move(inputs));
      }
      case ModelKind::encoder_decoder: {
        const LoadedSeq2Seq model = load_seq2seq(named);
        return write_seq2seq(session, model, merged(model), options_.writing, std::move(inputs));
      }
      case ModelKind::decoder:
        break;
    }
    const LoadedModel model = load_model(reference);
    return write_model(session, model, merged(model), options_.writing, std::move(inputs));
  }

 private:
  // What was loaded, with a second model over the same weights.
  template <class Loaded>
  static Loaded merged(const Loaded& source) {
    Loaded result = source;
    result.model = std::make_shared<std::decay_t<decltype(*source.model)>>(*source.model);
    result.model->merge_adapters();
    return result;
  }

  ModelApplyOptions options_;
};

}  // namespace

Command model_apply_command() {
  return {
      .name = "model apply",
      .group = CommandGroup::make_model,
      .summary = "Fold adapters into the weights and write the merged model.",
      .details =
          "Of a text encoder or an encoder-decoder, too; a head that was trained with an adapter "
          "is written with the encoder. What was written is loaded again and compared as `model "
          "convert` does.",
      .arguments = {{"MODEL", "A model reference."}},
      .examples =
          {{"bantam model apply smollm2-135m-instruct --adapter tuned/adapter -o merged.gguf",
            "Base and adapter in one file."},
           {"bantam model apply all-minilm-l6-v2+labels -o classifier",
            "A text encoder with the head that was trained on it."}},
      .shared = {"out", "force"},
      .body = [] { return std::make_unique<ModelApply>(); }};
}

}  // namespace bantam
