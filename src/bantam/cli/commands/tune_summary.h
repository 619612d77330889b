// What `tune` and `demo` share: where the result goes, and how it is told on the terminal.
#pragma once

#include <string>

#include "bantam/cli/session.h"
#include "bantam/data/dataset.h"
#include "bantam/recipe/tune/tune_options.h"

namespace bantam {

/// Runs the job on `rows` into --out (default: a fresh folder "tuned-NAME"), prints the summary,
/// returns the exit code.
int run_tune(Session& session, const TuneOptions& options, const Dataset& rows, bool resume,
             const std::string& title);

}  // namespace bantam
