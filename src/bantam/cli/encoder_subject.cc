#include "bantam/cli/encoder_subject.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "bantam/model/save_tokenizer.h"

namespace bantam {

EncoderSubject::EncoderSubject(const TrainingJobOptions& options, HeadKind kind)
    : reference_(options.model),
      has_head_(!options.new_head && !labels_of_head(options.model, kind).empty()) {
  if (has_head_) loaded_ = load_classifier(reference_, kind);
}

void EncoderSubject::make_head(NewHead head, std::uint64_t seed) {
  loaded_ = load_with_new_head(reference_, std::move(head), seed);
}

void EncoderSubject::save(const Path& folder, DType dtype) {
  write_encoder_model(*loaded_.model, folder, dtype);
  save_tokenizer_files(*loaded_.tokenizer, nullptr, loaded_.longest, folder);
}

void EncoderSubject::save(const Adapter& adapter, const Path& folder) {
  save_classifier_adapter(loaded_, adapter, folder);
}

std::string EncoderSubject::listed_labels() const {
  constexpr std::size_t kMostListed = 12;
  const auto shown = std::span(labels()).first(std::min(kMostListed, labels().size()));
  return fmt::format("{}{}", fmt::join(shown, ", "), labels().size() > kMostListed ? ", …" : "");
}

std::vector<ModelInput> EncoderSubject::inputs_of(std::span<const Example> examples) {
  std::vector<ModelInput> inputs;
  for (const Example& example : examples) {
    ModelInput& input = inputs.emplace_back();
    input.ids = example.ids;
    input.type_ids = example.types;
  }
  return inputs;
}

}  // namespace bantam
