// How well labels that do not exclude each other are predicted for examples.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bantam/cli/training_subject.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// Figures at a probability of 0.5: micro_f1 of the labels, and the share of texts all whose labels
/// are right. `probabilities` [examples, labels] are in the order of the examples.
EvaluationFigures multi_label_figures(std::span<const Example> examples,
                                      const Tensor& probabilities);
/// The same with intervals.
TrainingSubject::Verdict multi_label_verdict(std::span<const Example> examples,
                                             const Tensor& probabilities,
                                             const std::vector<std::string>& labels);

}  // namespace bantam
