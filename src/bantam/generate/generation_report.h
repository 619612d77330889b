// What a caller's hooks hear of many answers under way.
#pragma once

#include "bantam/generate/generate_hooks.h"

namespace bantam {

class GenerationReport {
 public:
  /// `unit`: what is counted, "prompts".
  GenerationReport(std::size_t requests, std::string unit, const GenerateHooks& hooks)
      : hooks_(hooks),
        phase_(hooks.progress == nullptr ? silent_progress() : *hooks.progress, "Generating",
               static_cast<double>(requests), std::move(unit)) {}

  bool cancelled() const {
    return Interrupt::requested() != 0 || (hooks_.cancelled && hooks_.cancelled());
  }
  void show(std::size_t request, int sample, std::string_view text) const {
    if (hooks_.on_text && !text.empty()) hooks_.on_text(request, sample, text);
  }
  /// All texts of what came at once.
  void show(std::size_t request, const Completion& completion) const {
    for (std::size_t n = 0; n < completion.choices.size(); ++n) {
      show(request, static_cast<int>(n), completion.choices[n].text);
    }
  }
  void done(std::size_t request, const Completion& completion) {
    tokens_ += completion.generated_tokens();
    phase_.advance(++finished_, {{"tokens", static_cast<double>(tokens_)}});
    if (hooks_.on_done) hooks_.on_done(request, completion);
  }

 private:
  const GenerateHooks& hooks_;
  ProgressPhase phase_;
  double finished_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace bantam
