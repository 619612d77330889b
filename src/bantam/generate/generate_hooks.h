// What a caller hears while answers are made.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "bantam/base/progress.h"
#include "bantam/generate/completion.h"

namespace bantam {

struct GenerateHooks {
  /// A piece of answer `sample` to request `request`: whole characters, nothing of a stop string.
  /// Pieces of one answer come in order; different answers interleave. Beams come at their end.
  std::function<void(std::size_t request, int sample, std::string_view text)> on_text;
  /// A request that ended, as soon as it did.
  std::function<void(std::size_t request, const Completion&)> on_done;
  /// Asked between steps: true ends all that is left with `cancelled`. A requested Interrupt does
  /// the same.
  std::function<bool()> cancelled;
  ProgressSink* progress = nullptr;
};

}  // namespace bantam
