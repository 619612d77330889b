// Everything a person can say to `bantam tune`; what is left unsaid is derived, and each derived
// value is printed with its rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/options.h"

namespace bantam {

struct TuneOptions {
  std::string model;            ///< a model reference; "" is the default model
  std::string task;             ///< "", classification, prompt-completion or chat
  std::string prompt_template;  ///< for labelled rows; {text} is the row's text
  Duration budget{300};         ///< seconds of training
  bool full = false;
  std::optional<int> rank;
  std::optional<double> learning_rate;
  std::optional<std::int64_t> batch;
  std::optional<double> epochs;
  std::int64_t max_length = 0;  ///< tokens of a row; 0: derived
  int shots = 8;
  std::int64_t limit_test = 0;
  std::vector<std::string> exports = {"peft", "gguf", "hf"};
  std::string export_type = "q8_0";
};

template <>
void describe(Describer<TuneOptions>& d);

/// Throws Error(usage) naming an unknown export, task or type.
void validate(const TuneOptions& options);

}  // namespace bantam
