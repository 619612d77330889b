#include "bantam/recipe/tune/tune_export.h"

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/model/rounded_weights.h"
#include "bantam/model/save_model.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

Tensor logits_of(const CausalLM& model, const std::vector<std::int32_t>& sequence) {
  return model.logits(model.hidden(make_batch({&sequence, 1})));
}

std::uint64_t size_on_disk(const Path& path) {
  if (!std::filesystem::is_directory(path)) return std::filesystem::file_size(path);
  std::uint64_t total = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) total += entry.file_size();
  }
  return total;
}

LoadedModel merged_copy(const LoadedModel& tuned) {
  LoadedModel copy = tuned;
  copy.model = std::make_shared<CausalLM>(*tuned.model);
  copy.model->merge_adapters();
  return copy;
}

// Writes the export and returns the reference that loads it again.
std::string write_export(const std::string& kind, const LoadedModel& model,
                         const GgufWeightType& gguf_type, const Path& path,
                         const std::string& provenance) {
  if (kind == "peft") {
    save_peft_adapter(model, *model.model->adapters().back(), path);
    return fmt::format("{}+{}", model.path.string(), path.string());
  }
  if (kind == "gguf") {
    save_gguf(model, path, gguf_type, provenance);
  } else {
    save_hf_folder(model, path, DType::bf16);
  }
  return path.string();
}

[[noreturn]] void reject(const ExportCheck& check) {
  Path rejected = check.path;
  rejected += ".rejected";
  std::filesystem::remove_all(rejected);
  std::filesystem::rename(check.path, rejected);
  throw Error(Error::Kind::failed_expectation,
              fmt::format("export {}: only {} of {} next tokens agree with the model in memory; "
                          "kept as {} for a look",
                          check.kind, check.same, check.compared, rejected.string()));
}

}  // namespace

std::string coarse_note(std::string_view type) {
  return fmt::format(
      "{} is coarse for this model: the weights are written as it rounds them, and the answers are "
      "others; measure it (bantam eval text), or take a finer type",
      type);
}

void compare_choices(const Tensor& expected, const Tensor& found,
                     std::span<const std::int32_t> truth, ExportCheck& check) {
  const Tensor first = log_softmax(expected), second = log_softmax(found);
  const Tensor best = argmax(first, 1), other = argmax(second, 1);
  const std::int64_t vocabulary = first.size(1);
  for (std::size_t t = 0; t < truth.size(); ++t) {
    ++check.compared;
    check.same += best.span<std::int32_t>()[t] == other.span<std::int32_t>()[t] ? 1 : 0;
    const auto at = static_cast<std::size_t>(static_cast<std::int64_t>(t) * vocabulary + truth[t]);
    const double difference = std::abs(first.span<float>()[at] - second.span<float>()[at]);
    check.largest_difference = std::max(check.largest_difference, difference);
  }
}

ExportCheck compare_models(const CausalLM& expected, const CausalLM& found,
                           const ExportProbe& probe) {
  ExportCheck check;
  for (const auto& sequence : probe.sequences) {
    if (sequence.size() < 2) continue;
    compare_choices(logits_of(expected, sequence), logits_of(found, sequence),
                    std::span(sequence).subspan(1), check);
  }
  return check;
}

ExportCheck export_and_check(const std::string& kind, const LoadedModel& tuned,
                             const GgufWeightType& gguf_type, const Path& folder,
                             const ExportProbe& probe, const std::string& provenance,
                             ProgressSink& progress) {
  ProgressPhase phase(progress, fmt::format("Exporting {}", kind), 2, "steps");
  const std::string gguf_name = fmt::format("model-{}.gguf", name_of(gguf_type));
  const Path path = folder / (kind == "peft" ? "adapter" : kind == "hf" ? "hf" : gguf_name);
  const LoadedModel exported = kind == "peft" ? tuned : merged_copy(tuned);
  const std::string reference = write_export(kind, exported, gguf_type, path, provenance);
  phase.advance(1);
  const LoadedModel written = load_model(reference);
  ExportCheck check = compare_models(*tuned.model, *written.model, probe);
  check.kind = kind;
  check.path = path;
  check.bytes = size_on_disk(path);
  phase.advance(2);
  if (check.mostly_same()) return check;
  // A PEFT folder holds no weights that could have been rounded.
  check.coarse = kind != "peft" && holds_rounded(*written.model, *exported.model);
  if (!check.coarse) reject(check);
  progress.note(coarse_note(kind == "gguf" ? name_of(gguf_type) : info(DType::bf16).name));
  return check;
}

}  // namespace bantam
