// A decoder that learns to answer, or to go on with texts.
#include "bantam/cli/training_job.h"
#include "bantam/cli/training_subject.h"
#include "bantam/data/format.h"
#include "bantam/model/load_model.h"
#include "bantam/model/save_model.h"

namespace bantam {
namespace {

class DecoderSubject final : public TrainingSubject {
 public:
  explicit DecoderSubject(LoadedModel loaded) : loaded_(std::move(loaded)) {}

  const Path& path() const override { return loaded_.path; }
  const std::vector<std::string>& warnings() const override { return loaded_.warnings; }
  ModelKind kind() const override { return ModelKind::decoder; }
  std::string usual_objective() const override { return "sft"; }
  std::int64_t longest() const override { return loaded_.model->config().context; }

  std::vector<Example> format(const Dataset& rows, const FormatOptions& format,
                              FormatReport& report) override {
    FormatOptions own = format;
    own.chat_template = loaded_.chat_template;
    if (!asked_by_) asked_by_ = chat_template_of_rows(rows, own, *loaded_.tokenizer);
    std::vector<Example> examples = Formatter(loaded_.tokenizer, own).format(rows, report);
    for (const Example& example : examples) {
      require_known_ids(example, loaded_.model->config().vocabulary);
    }
    return examples;
  }

  TrainableModel model() override { return *loaded_.model; }
  Transformer& transformer() override { return *loaded_.model; }

  void save(const Path& folder, DType dtype) override { save_hf_folder(as_asked(), folder, dtype); }
  void save(const Adapter& adapter, const Path& folder) override {
    save_peft_adapter(as_asked(), adapter, folder);
  }
  std::string command_to_try(const std::string& reference) const override {
    return "bantam chat -m " + reference;
  }

 private:
  // The model with the chat template that asks as the rows did.
  LoadedModel as_asked() const {
    LoadedModel model = loaded_;
    if (asked_by_) model.chat_template = asked_by_;
    return model;
  }

  LoadedModel loaded_;
  std::shared_ptr<const ChatTemplate> asked_by_;  // of the rows that came first, those to learn
};

}  // namespace

std::unique_ptr<TrainingSubject> load_decoder_subject(const TrainingJobOptions& options) {
  return std::make_unique<DecoderSubject>(load_model(options.model));
}

}  // namespace bantam
