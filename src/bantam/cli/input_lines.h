// Lines from standard input, one at a time, as a person or a pipe gives them.
#pragma once

#include <optional>
#include <string>

namespace bantam {

class InputLines {
 public:
  enum class Outcome { line, end, interrupted };
  struct Result {
    Outcome outcome;
    std::string line;  ///< without its line break; the bytes as they came
  };
  /// Waits for the next line. `interrupted`: a signal came; what was typed so far is dropped.
  /// Throws Error(input) when a line passes 1 MiB.
  Result next();
  /// Everything up to the end of the input. Throws Error(input) past 64 MiB.
  std::string rest();
  /// A person types; otherwise a pipe or file gives the lines.
  static bool is_typed();

 private:
  std::string held_;
  bool ended_ = false;
  /// False when a signal interrupted the read.
  bool fill();
};

}  // namespace bantam
