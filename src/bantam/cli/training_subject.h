// The model of a training job and all that depends on its kind: how rows become examples, which
// weights train, what is written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/data/dataset.h"
#include "bantam/data/format.h"
#include "bantam/nn/adapter.h"
#include "bantam/train/trainer.h"

namespace bantam {

struct TrainingJobOptions;

class TrainingSubject {
 public:
  virtual ~TrainingSubject() = default;

  virtual const Path& path() const = 0;
  virtual const std::vector<std::string>& warnings() const = 0;
  virtual ModelKind kind() const = 0;
  /// What it is trained for when --objective says nothing.
  virtual std::string usual_objective() const = 0;
  /// Tokens of the longest text that it reads.
  virtual std::int64_t longest() const = 0;
  /// Looks at the rows before any is formatted. Returns what was decided from them, for people; ""
  /// for nothing.
  virtual std::string meet(const Dataset& /*rows*/, std::uint64_t /*seed*/) { return ""; }
  /// Examples of rows; `format` holds lengths, policy and templates as the job's options give them.
  virtual std::vector<Example> format(const Dataset& rows, const FormatOptions& format,
                                      FormatReport& report) = 0;

  // From here on, after meet().
  virtual TrainableModel model() = 0;
  /// Where adapters act.
  virtual Transformer& transformer() = 0;
  /// Weights of its own, all that may train.
  virtual std::vector<Parameter> parameters() { return transformer().parameters(); }
  /// Weights that train beside an adapter.
  virtual std::vector<Parameter> parameters_beside_adapter() { return {}; }
  /// Figures of dev examples that people ask for beside the loss; empty for none.
  virtual std::function<EvaluationFigures()> measure(std::span<const Example> /*dev*/) {
    return {};
  }
  /// What the figures of dev examples are in the end, with intervals: lines for people, and JSON.
  struct Verdict {
    std::vector<std::string> lines;
    Json json;
  };
  virtual Verdict judge(std::span<const Example> /*dev*/) { return {}; }

  virtual void save(const Path& folder, DType dtype) = 0;
  virtual void save(const Adapter& adapter, const Path& folder) = 0;
  /// A command that uses the result, which is called `reference`.
  virtual std::string command_to_try(const std::string& reference) const = 0;
};

/// Loads the model of the options. Throws Error as the loaders do, and Error(usage) for an option
/// that does not go with its kind.
std::unique_ptr<TrainingSubject> load_training_subject(const TrainingJobOptions& options);

std::unique_ptr<TrainingSubject> load_decoder_subject(const TrainingJobOptions& options);
std::unique_ptr<TrainingSubject> load_seq2seq_subject(const TrainingJobOptions& options);
std::unique_ptr<TrainingSubject> load_classifier_subject(const TrainingJobOptions& options);
std::unique_ptr<TrainingSubject> load_tagger_subject(const TrainingJobOptions& options);

}  // namespace bantam
