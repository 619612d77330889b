// Labels for texts, by an encoder with a head.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/model/load_classifier.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct ClassifiedTexts {
  Tensor probabilities;                ///< [texts, labels], rows sum to 1
  std::vector<std::size_t> truncated;  ///< places of texts longer than the model reads
};

/// A text, or a pair of texts.
struct TextToLabel {
  std::string text, pair;  ///< pair "": one text
};

/// Throws Error(input) for a head of one number (regression) or of labels that do not exclude each
/// other; Interrupted on SIGINT.
ClassifiedTexts classify_texts(const LoadedClassifier& classifier,
                               std::span<const TextToLabel> texts,
                               ProgressSink& progress = silent_progress());

/// The same of texts that are tokens already: what training reads.
Tensor class_probabilities(const EncoderModel& model, std::span<const ModelInput> inputs,
                           ProgressSink& progress = silent_progress());

/// Throws Error(input) naming `model` when its labels are not classes that exclude each other.
void require_classes(const EncoderModel& model, const std::string& name);

}  // namespace bantam
