// What `model convert` and `model apply` share: write a model, load it again, compare.
#pragma once

#include <string>

#include "bantam/base/options.h"
#include "bantam/cli/session.h"
#include "bantam/model/load_model.h"

namespace bantam {

struct ModelWritingOptions {
  std::string type;  ///< "" is the usual one of the form: q8_0 for GGUF, bf16 for a folder
};

template <>
void describe(Describer<ModelWritingOptions>& d);

/// Writes `model` to --out and compares what was written with `source` on a fixed text. Throws
/// Error(failed_expectation) when the most likely next tokens agree at less than 90 % of the
/// places.
int write_model(Session& session, const LoadedModel& source, const LoadedModel& model,
                const ModelWritingOptions& options, std::vector<Path> inputs = {});

}  // namespace bantam
