// What `model convert` and `model apply` share: write a model, load it again, compare.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/options.h"
#include "bantam/cli/session.h"
#include "bantam/model/load_model.h"
#include "bantam/recipe/tune/tune_export.h"

namespace bantam {

struct ModelWritingOptions {
  std::string type;  ///< "" is the usual one of the form: q8_0 for GGUF, bf16 for a folder
  std::optional<ByteCount> max_shard_size;
};

template <>
void describe(Describer<ModelWritingOptions>& d);

/// Where a model is written, and as what.
struct ModelOutput {
  Path path;
  bool is_gguf = false;
  GgufWeightType type = DType::f32;   ///< a DType for a folder
  std::uint64_t max_shard_bytes = 0;  ///< 0: one file

  /// What save_gguf wrote; `path` is then the file to load. Parts of an older set that --force
  /// replaces are removed.
  void take(const std::vector<Path>& written);
};

/// --out and --type. Throws Error(usage) without an --out, or for one that is an input or exists.
ModelOutput model_output(Session& session, const ModelWritingOptions& options,
                         std::vector<Path> inputs);

/// Calls save(ProgressSink&), which writes to output.path, until an Interrupt is requested: then
/// what it began is removed, and Interrupted thrown. A folder that was there before stays.
void save_until_interrupted(Session& session, const ModelOutput& output,
                            const std::function<void(ProgressSink&)>& save);

/// Any text will do that a language model has an opinion on.
inline constexpr std::string_view kProbeText =
    "The harbor was quiet in the early morning. A ferry left for the islands every hour, and the "
    "people who worked there carried bread, letters and newspapers. def area(width, height): "
    "return width * height";

/// The tokens of `text` with what goes around it, cut to `longest`.
ModelInput probe_input(const Tokenizer& tokenizer, std::string_view text, std::int64_t longest);

/// Throws Error(failed_expectation): `verdict` says how what was written differs.
[[noreturn]] void reject(const ModelOutput& output, const std::string& verdict);

/// Rejects what was written when its tokenizer makes other tokens of a text.
void require_same_tokens(const ModelOutput& output, const Tokenizer& expected,
                         const Tokenizer& found);

/// "30 of 31 next tokens agree, log-probabilities differ by at most 0.0100 nats". When less than 90
/// % agree, what was written is rejected, unless it holds the source's weights exactly as its type
/// rounds them: then a note says that the type is coarse.
std::string agreement(Session& session, const ModelOutput& output, const ExportCheck& check,
                      const Transformer& source, const Transformer& written);

/// Writes `model` to --out and compares what was written with `source` on a fixed text, as
/// agreement() does.
int write_model(Session& session, const LoadedModel& source, const LoadedModel& model,
                const ModelWritingOptions& options, std::vector<Path> inputs = {});

}  // namespace bantam
