// Files that run elsewhere, each loaded again and compared with the model in memory before it is
// called done.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/model/gguf_weight_types.h"
#include "bantam/model/load_model.h"

namespace bantam {

/// Texts on which an export must answer as the model in memory does.
struct ExportProbe {
  std::vector<std::vector<std::int32_t>> sequences;  ///< prompt and true answer, as trained
};

struct ExportCheck {
  std::string kind;  ///< "peft", "gguf", "hf"
  Path path;
  std::uint64_t bytes = 0;
  std::int64_t compared = 0, same = 0;  ///< next-token choices after each prompt token
  double largest_difference = 0;        ///< of the log-probability of a true token, nats
  bool coarse = false;  ///< other answers, from just the weights as the file's types round them
  bool same_answers() const { return same == compared; }
  /// Nine choices in ten: what rounding may change a model that its types suit.
  bool mostly_same() const { return 10 * same >= 9 * compared; }
};

/// Tells that the answers of an export differ though it holds just what `type` rounds weights to.
std::string coarse_note(std::string_view type);

/// Adds to `check` how far logits `found` choose as `expected` do, both [n, V]; truth[i] is the
/// token that really follows row i, and rows past the end of `truth` are left out.
void compare_choices(const Tensor& expected, const Tensor& found,
                     std::span<const std::int32_t> truth, ExportCheck& check);

/// How far `found` answers as `expected` does; kind, path and bytes stay empty.
ExportCheck compare_models(const CausalLM& expected, const CausalLM& found,
                           const ExportProbe& probe);

/// Writes `kind` into `folder` and checks it. Weights of other types than those trained on (gguf's
/// export_type, hf's bf16) move log-probabilities a little: that is what largest_difference shows.
/// When fewer than 90 % of the choices agree, what was written is compared with the weights in
/// memory: if it holds just those, rounded, a note says that its type is coarse; else
/// Error(failed_expectation) is thrown, and the file is kept under its name with ".rejected" for a
/// look.
ExportCheck export_and_check(const std::string& kind, const LoadedModel& tuned,
                             const GgufWeightType& gguf_type, const Path& folder,
                             const ExportProbe& probe, const std::string& provenance,
                             ProgressSink& progress);

}  // namespace bantam
