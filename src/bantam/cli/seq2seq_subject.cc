// An encoder-decoder that learns to answer texts.
#include "bantam/base/error.h"
#include "bantam/cli/training_job.h"
#include "bantam/cli/training_subject.h"
#include "bantam/data/encoder_examples.h"
#include "bantam/model/load_seq2seq.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/save_model.h"
#include "bantam/model/translation_languages.h"

namespace bantam {
namespace {

// Pieces of Marian's answers come from a file of their own, which only training would read.
void require_one_tokenizer(const LoadedSeq2Seq& loaded) {
  if (!std::filesystem::exists(loaded.path / "target.spm") ||
      std::filesystem::exists(loaded.path / "tokenizer.json")) {
    return;
  }
  throw input_error(
      "{}: its answers are cut into tokens by target.spm, which is not read here; "
      "training needs a tokenizer.json for both sides",
      escaped(loaded.path.string()));
}

class Seq2SeqSubject final : public TrainingSubject {
 public:
  Seq2SeqSubject(LoadedSeq2Seq loaded, const TrainingJobOptions& options)
      : loaded_(std::move(loaded)), prompts_(loaded_.tokenizer), completions_(loaded_.tokenizer) {
    choose_languages(options.source_language, options.target_language);
  }

  const Path& path() const override { return loaded_.path; }
  const std::vector<std::string>& warnings() const override { return loaded_.warnings; }
  ModelKind kind() const override { return ModelKind::encoder_decoder; }
  std::string usual_objective() const override { return "seq2seq"; }
  std::int64_t longest() const override {
    const DecoderConfig& config = loaded_.model->config();
    return std::min(config.context - 1, config.encoder->context);  // one for the start of answers
  }

  std::vector<Example> format(const Dataset& rows, const FormatOptions& format,
                              FormatReport& report) override {
    return answered_examples(
        rows, {*prompts_, *completions_, loaded_.tokens.start},
        {.longest = format.max_tokens, .drop_longer = format.too_long == TooLong::drop}, report);
  }

  TrainableModel model() override { return *loaded_.model; }
  Transformer& transformer() override { return *loaded_.model; }
  // Their bias of logits is a constant: transformers holds it as a buffer, which never trains.
  std::vector<Parameter> parameters() override {
    std::vector<Parameter> all = loaded_.model->parameters();
    std::erase_if(all,
                  [&](const Parameter& parameter) { return parameter.name == "head_bias.weight"; });
    return all;
  }

  void save(const Path& folder, DType dtype) override { save_seq2seq(loaded_, folder, dtype); }
  void save(const Adapter& adapter, const Path& folder) override {
    PeftAdapter files;
    files.base_model = loaded_.name;
    files.task_type = "SEQ_2_SEQ_LM";
    save_peft_adapter(*loaded_.model, adapter, std::move(files), folder);
  }
  std::string command_to_try(const std::string& reference) const override {
    return fmt::format("bantam generate -m {}{} TEXT", reference, languages_);
  }

 private:
  void choose_languages(const std::string& source, const std::string& target) {
    if (!source.empty()) {
      prompts_ = with_source_language(prompts_, source);
      languages_ += " --source-language " + source;
    }
    if (target.empty()) return;
    const TargetLanguage chosen = with_target_language(prompts_, target);
    prompts_ = chosen.tokenizer;
    // Where answers begin with the token of their language, they look like texts in it.
    if (chosen.first_token) completions_ = with_source_language(completions_, target);
    languages_ += " --target-language " + target;
  }

  LoadedSeq2Seq loaded_;
  std::shared_ptr<const Tokenizer> prompts_, completions_;
  std::string languages_;  ///< as options of generate
};

}  // namespace

std::unique_ptr<TrainingSubject> load_seq2seq_subject(const TrainingJobOptions& options) {
  LoadedSeq2Seq loaded = load_seq2seq(resolve_model_reference(options.model));
  require_one_tokenizer(loaded);
  return std::make_unique<Seq2SeqSubject>(std::move(loaded), options);
}

}  // namespace bantam
