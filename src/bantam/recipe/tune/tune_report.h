// What a tune leaves for people: report.html, the model card, and the words of the terminal
// summary.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/recipe/tune/tune.h"

namespace bantam {

/// One self-contained page (web/report.html with the figures in it).
std::string report_html(const TuneResult& result, const TuneHooks& hooks);
/// README.md of the model folder, with the front matter that the hub reads.
std::string model_card(const TuneResult& result, const TuneHooks& hooks);
/// What `predict` and other programs need to use the model for the task: kind, template, labels.
Json task_json(const TuneResult& result);
/// A row of the run record.
Json system_json(const SystemResult& system);
/// The whole result for --json.
Json tune_json(const TuneResult& result);

/// "0.784 [0.752, 0.815]"
std::string text_of(const Interval& interval);
/// "fixed 240 rows and broke 12; McNemar p < 1e-6"
std::string change_text(const McNemar& change);

/// Indices of test rows now right but wrong before, and still wrong: the most confident first, at
/// most `count`.
std::vector<std::size_t> fixed_rows(const TuneResult& result, std::size_t count);
std::vector<std::size_t> wrong_rows(const TuneResult& result, std::size_t count);

}  // namespace bantam
