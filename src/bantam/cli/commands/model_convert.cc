#include "bantam/cli/commands.h"
#include "bantam/cli/commands/encoder_writing.h"
#include "bantam/cli/commands/model_writing.h"
#include "bantam/cli/commands/seq2seq_writing.h"
#include "bantam/cli/session.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"

namespace bantam {

namespace {

class ModelConvert final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const std::string& text = session.arguments()[0];
    const ModelReference reference = resolve_model_reference(text);
    if (!reference.adapters.empty()) {
      throw usage_error(
          "model convert: '{}' has adapters; `bantam model apply` folds them into the weights",
          text);
    }
    switch (kind_of_model(reference.path)) {
      case ModelKind::encoder:
        return converted(session, read_encoder_source(text), write_encoder);
      case ModelKind::encoder_decoder:
        return converted(session, load_seq2seq(reference), write_seq2seq);
      case ModelKind::decoder:
        break;
    }
    return converted(session, load_model(text), write_model);
  }

 private:
  template <class Model, class Write>
  int converted(Session& session, const Model& model, Write write) {
    return write(session, model, model, options_, {});
  }

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
              "source's; a wrong file is never called done, and a type too coarse for the model is "
              "told. Of a text encoder, the states of texts "
              "(and the scores of its head) are compared, of an encoder-decoder its answer. GGUF "
              "knows BERT, RoBERTa, XLM-R and ModernBERT without heads among the former and T5 "
              "among the latter; the other families become folders.",
          .arguments = {{"MODEL", "A model reference."}},
          .examples = {{"bantam model convert smollm2-135m-instruct --type bf16 -o folder",
                        "GGUF to a folder."},
                       {"bantam model convert folder --type q4_k -o small.gguf",
                        "A folder to a smaller GGUF."},
                       {"bantam model convert flan-t5-small -o flan-t5-small.gguf",
                        "An encoder-decoder to GGUF."}},
          .shared = {"out", "force"},
          .body = [] { return std::make_unique<ModelConvert>(); }};
}

}  // namespace bantam
