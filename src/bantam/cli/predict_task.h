// What `bantam predict TASK` makes of texts: one file a task, and the list of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/options.h"
#include "bantam/cli/data_options.h"
#include "bantam/data/dataset.h"
#include "bantam/generate/encoder_passes.h"
#include "bantam/model/load_classifier.h"

namespace bantam {

class Session;

struct PredictOptions {
  std::string model;
  std::vector<std::string> data;
  DataOptions read;
  std::string query;
  std::optional<double> threshold;
};

template <>
void describe(Describer<PredictOptions>& d);

/// What is predicted for, and the rows that it came from, if any.
struct PredictItems {
  std::vector<TextToLabel> texts;
  Dataset rows;
};

class PredictTask {
 public:
  explicit PredictTask(LoadedClassifier model) : model_(std::move(model)) {}
  virtual ~PredictTask() = default;

  const LoadedClassifier& model() const { return model_; }

  /// Returns the places of texts that were longer than the model reads.
  virtual std::vector<std::size_t> predict(const PredictItems& items, ProgressSink& progress) = 0;

  // From here on, after predict().
  /// Adds what was predicted for item `i` to what is written of it.
  virtual void add_to(Json& row, std::size_t i) const = 0;
  /// For a person.
  virtual void show(Session& session, const PredictItems& items) const = 0;
  /// How good the predictions are, where rows say what is right; "" where they do not.
  virtual std::string verdict(const PredictItems& items) const = 0;

 protected:
  /// As many digits as f32 carries near 1: more would be noise of the machine.
  static double rounded(float score);

 private:
  LoadedClassifier model_;
};

/// Throws Error(usage) for an option that the task has no use for, Error(input) for a model that
/// does not fit.
using MakePredictTask = std::unique_ptr<PredictTask> (*)(const PredictOptions& options);

struct PredictTaskEntry {
  MakePredictTask make = nullptr;
  bool needs_pairs = false;
  bool takes_pairs = true;
};

/// Every task, in a list one can read.
const Registry<PredictTaskEntry>& predict_tasks();

std::unique_ptr<PredictTask> make_classify_task(const PredictOptions& options);
std::unique_ptr<PredictTask> make_score_task(const PredictOptions& options);
std::unique_ptr<PredictTask> make_tag_task(const PredictOptions& options);

/// Throws Error(usage) when --threshold is given; `why` follows.
void refuse_threshold(const PredictOptions& options, std::string_view why);

/// Of the table of texts: "query | text" of a pair.
std::string shown_text(const TextToLabel& text);

}  // namespace bantam
