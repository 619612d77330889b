// What needs no language model: the honest, cheap systems that a tuned model has to beat.
#pragma once

#include <span>
#include <string>

#include "bantam/data/row.h"
#include "bantam/eval/answers.h"

namespace bantam {

/// Always answers the most frequent label of the training rows.
SystemResult majority_baseline(std::span<const Row> train, std::span<const Row> test,
                               std::span<const std::string> labels);

/// TF-IDF with logistic regression. Features (words, or words with character n-grams) and strength
/// of the penalty are chosen on the dev rows, so that the baseline is tuned as the model is; with
/// no dev rows, words and C = 10. The name says what was chosen.
SystemResult tfidf_baseline(std::span<const Row> train, std::span<const Row> dev,
                            std::span<const Row> test, std::span<const std::string> labels);

}  // namespace bantam
