// Labels and scores for texts, by an encoder with a head for whole texts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/generate/encoder_passes.h"
#include "bantam/model/load_classifier.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct ClassifiedTexts {
  /// [texts, labels], each in [0, 1]; rows sum to 1 when the labels exclude each other.
  Tensor probabilities;
  std::vector<std::size_t> truncated;  ///< places of texts longer than the model reads
};

/// Probabilities of the labels: softmax where they exclude each other, else sigmoid of each. Throws
/// Error(input) for a head of one number; Interrupted on SIGINT.
ClassifiedTexts classify_texts(const LoadedClassifier& classifier,
                               std::span<const TextToLabel> texts,
                               ProgressSink& progress = silent_progress());

struct ScoredTexts {
  std::vector<float> scores;           ///< the head's one output, as it is
  std::vector<std::size_t> truncated;  ///< places of texts longer than the model reads
};

/// Throws Error(input) for a head of labels; Interrupted on SIGINT.
ScoredTexts score_texts(const LoadedClassifier& classifier, std::span<const TextToLabel> texts,
                        ProgressSink& progress = silent_progress());

/// As classify_texts() of texts that are tokens already: what training reads.
Tensor class_probabilities(const EncoderModel& model, std::span<const ModelInput> inputs,
                           ProgressSink& progress = silent_progress());

/// Throw Error(input), beginning with `name`, for another head than one of labels, or of one
/// number.
void require_labels(const EncoderModel& model, const std::string& name);
void require_number(const EncoderModel& model, const std::string& name);

}  // namespace bantam
