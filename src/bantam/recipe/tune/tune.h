// The main job: make this model good at my task. Looks at the rows, measures, plans, trains,
// measures again, exports, reports.
//
// It only composes parts that other rooms own; each step's result is a value that the report
// prints.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/base/run_store.h"
#include "bantam/data/dataset.h"
#include "bantam/eval/answers.h"
#include "bantam/eval/model_answers.h"
#include "bantam/recipe/tune/tune_export.h"
#include "bantam/recipe/tune/tune_options.h"
#include "bantam/recipe/tune/tune_plan.h"
#include "bantam/train/trainer.h"

namespace bantam {

/// What the rows are, and how they were split.
struct TuneData {
  Row::Kind kind = Row::Kind::classification;
  Dataset train, dev, test;
  std::vector<std::string> labels;  ///< classification only, sorted
  TaskTemplate task;                ///< classification only
  std::vector<std::string> notes;   ///< decisions, with their reasons
  std::vector<std::pair<std::string, std::string>>
      facts;  ///< for the report: "duplicates", "12 (left out)"
};

struct CurvePoint {
  std::int64_t step = 0;
  double loss = 0;
};

/// Everything that happened: what the terminal summary, report.html and the run record are made of.
struct TuneResult {
  TuneData data;
  std::string model_name;
  std::vector<SystemResult>
      baselines;           ///< majority, TF-IDF, zero-shot, few-shot, as far as they apply
  std::size_t before = 0;  ///< index in `baselines` of the untuned model, zero-shot
  SystemResult after;
  McNemar change;  ///< from `before` to `after`
  TunePlan plan;
  TrainResult training;
  std::vector<CurvePoint> train_curve, dev_curve;
  std::uint64_t peak_memory = 0;  ///< bytes, of the whole process
  std::optional<WritingReport> writing_before, writing_after;
  std::vector<ExportCheck> exports;
  Path folder, report;
  double seconds = 0;  ///< of everything
};

struct TuneHooks {
  ProgressSink* progress = &silent_progress();
  Run* run = nullptr;
  std::string command;  ///< as typed: the report says how to repeat it
  std::string title;    ///< of the report; "" is made from the data's name
  bool resume = false;
};

/// Splits rows that carry no split, recognizes the kind, drops exact duplicates of other splits.
/// Throws Error(input) on too few rows (at least 8), on mixed kinds, on labels that only the test
/// rows have.
TuneData prepare_tune_data(const Dataset& rows, const TuneOptions& options, std::int64_t seed);

/// Steps 2 to 7 into `folder`. A run that was interrupted goes on from its last checkpoint with
/// hooks.resume.
TuneResult tune(const TuneOptions& options, TuneData data, std::int64_t seed, const Path& folder,
                const TuneHooks& hooks);

}  // namespace bantam
