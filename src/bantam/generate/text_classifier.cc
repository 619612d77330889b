#include "bantam/generate/text_classifier.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

// What the head gives for each text, behind its activation: [texts, labels].
Tensor outputs_of_texts(const EncoderModel& model, std::span<const ModelInput> inputs,
                        ProgressSink& progress) {
  const HeadOutput output = output_of(model.head().config);
  const auto width = model.labels().size();
  Tensor all = Tensor::empty({std::ssize(inputs), static_cast<std::int64_t>(width)});
  run_in_passes(inputs, progress, [&](std::span<const std::size_t> places, const Batch& batch) {
    Tensor found = model.logits(batch);
    if (output == HeadOutput::classes) found = softmax(found);
    if (output == HeadOutput::labels) found = sigmoid(found);
    for (std::size_t i = 0; i < places.size(); ++i) {
      std::copy_n(found.data<float>() + i * width, width, all.data<float>() + places[i] * width);
    }
  });
  return all;
}

}  // namespace

void require_labels(const EncoderModel& model, const std::string& name) {
  if (output_of(model.head().config) != HeadOutput::number) return;
  throw input_error(
      "{}: expected a head of labels, found one that gives a number (regression or ranking); "
      "`bantam predict score` shows it",
      name);
}

void require_number(const EncoderModel& model, const std::string& name) {
  if (output_of(model.head().config) == HeadOutput::number) return;
  throw input_error(
      "{}: expected a head that gives one number (regression or ranking), found one of {} labels; "
      "`bantam predict classify` shows them",
      name, model.labels().size());
}

Tensor class_probabilities(const EncoderModel& model, std::span<const ModelInput> inputs,
                           ProgressSink& progress) {
  return outputs_of_texts(model, inputs, progress);
}

ClassifiedTexts classify_texts(const LoadedClassifier& classifier,
                               std::span<const TextToLabel> texts, ProgressSink& progress) {
  require_labels(*classifier.model, classifier.name);
  EncodedTexts encoded = encode_texts(*classifier.tokenizer, classifier.longest, texts);
  return {outputs_of_texts(*classifier.model, encoded.inputs, progress),
          std::move(encoded.truncated)};
}

ScoredTexts score_texts(const LoadedClassifier& classifier, std::span<const TextToLabel> texts,
                        ProgressSink& progress) {
  require_number(*classifier.model, classifier.name);
  EncodedTexts encoded = encode_texts(*classifier.tokenizer, classifier.longest, texts);
  const Tensor found = outputs_of_texts(*classifier.model, encoded.inputs, progress);
  const auto scores = found.span<float>();
  return {{scores.begin(), scores.end()}, std::move(encoded.truncated)};
}

}  // namespace bantam
