#include "bantam/cli/training_subject.h"

#include "bantam/base/error.h"
#include "bantam/cli/training_job.h"
#include "bantam/model/load_classifier.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"

namespace bantam {

namespace {

// By the objective; without one, an encoder learns what it has a head for.
bool learns_tags(const TrainingJobOptions& options) {
  if (!options.objective.empty()) return parse_spec(options.objective).name == "tag";
  return kind_of_head(options.model) == HeadKind::token;
}

}  // namespace

std::unique_ptr<TrainingSubject> load_training_subject(const TrainingJobOptions& options) {
  const ModelReference reference = resolve_model_reference(options.model);
  const ModelKind kind = kind_of_model(reference.path);
  if (kind != ModelKind::encoder_decoder &&
      !(options.source_language.empty() && options.target_language.empty())) {
    throw usage_error("--{}-language: {} is no encoder-decoder",
                      options.source_language.empty() ? "target" : "source",
                      escaped(options.model));
  }
  if (kind != ModelKind::encoder && options.new_head) {
    throw usage_error("--new-head: {} is no encoder, which labels texts", escaped(options.model));
  }
  switch (kind) {
    case ModelKind::decoder:
      return load_decoder_subject(options);
    case ModelKind::encoder_decoder:
      return load_seq2seq_subject(options);
    case ModelKind::encoder:
      return learns_tags(options) ? load_tagger_subject(options) : load_classifier_subject(options);
  }
  throw internal_error("model kind {}", static_cast<int>(kind));
}

}  // namespace bantam
