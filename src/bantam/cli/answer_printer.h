// An answer on standard output as it is written: thoughts apart from what is said, calls as JSON.
#pragma once

#include <string_view>

#include "bantam/base/json.h"
#include "bantam/cli/session.h"

namespace bantam {

class AnswerPrinter {
 public:
  /// Thoughts are faint on a terminal with colors; elsewhere they are left out unless
  /// `shows_reasoning`, and then stand between <think> and </think>.
  AnswerPrinter(Session& session, bool shows_reasoning);

  void thought(std::string_view piece);
  void content(std::string_view piece);
  /// Ends the answer with its calls (OpenAI's form, or null), a line each: {"name", "arguments"}.
  void finish(const Json& tool_calls);

 private:
  void end_thought();

  Session& session_;
  bool is_faint_, shows_thoughts_;
  bool in_thought_ = false, hides_thought_ = false, has_content_ = false;
};

}  // namespace bantam
