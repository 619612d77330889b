// What training subjects that are encoders with a head have in common: the model and how it is
// saved. Rows and figures are those of the kinds of heads.
#pragma once

#include <string>
#include <vector>

#include "bantam/cli/training_job.h"
#include "bantam/cli/training_subject.h"
#include "bantam/model/load_classifier.h"

namespace bantam {

class EncoderSubject : public TrainingSubject {
 public:
  /// Loads the model when it has a head of `kind` and no new one is asked for; else a head is made
  /// of the rows.
  EncoderSubject(const TrainingJobOptions& options, HeadKind kind);

  const Path& path() const override { return loaded_.path; }
  const std::vector<std::string>& warnings() const override { return loaded_.warnings; }
  ModelKind kind() const override { return ModelKind::encoder; }
  std::int64_t longest() const override { return loaded_.longest; }

  TrainableModel model() override { return *loaded_.model; }
  Transformer& transformer() override { return loaded_.model->encoder(); }
  std::vector<Parameter> parameters() override { return loaded_.model->parameters(); }
  std::vector<Parameter> parameters_beside_adapter() override {
    return loaded_.model->head().parameters();
  }

  void save(const Path& folder, DType dtype) override;
  void save(const Adapter& adapter, const Path& folder) override;

 protected:
  const LoadedClassifier& loaded() const { return loaded_; }
  const EncoderModel& encoder() const { return *loaded_.model; }
  const std::vector<std::string>& labels() const { return loaded_.model->labels(); }

  bool has_head() const { return has_head_; }
  void make_head(NewHead head, std::uint64_t seed);

  /// The first dozen of the labels, for people.
  std::string listed_labels() const;
  static std::vector<ModelInput> inputs_of(std::span<const Example> examples);

 private:
  std::string reference_;
  bool has_head_;
  LoadedClassifier loaded_;
};

}  // namespace bantam
