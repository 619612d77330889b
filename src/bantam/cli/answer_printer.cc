#include "bantam/cli/answer_printer.h"

#include "bantam/cli/terminal.h"

namespace bantam {

AnswerPrinter::AnswerPrinter(Session& session, bool shows_reasoning)
    : session_(session),
      is_faint_(wants_color(Stream::out)),
      shows_thoughts_(shows_reasoning || is_faint_) {}

void AnswerPrinter::thought(std::string_view piece) {
  if (!shows_thoughts_) {
    hides_thought_ = true;
    return;
  }
  if (!in_thought_ && !is_faint_) session_.print("<think>\n");
  in_thought_ = true;
  session_.print(faint(piece, is_faint_));
  session_.flush();
}

void AnswerPrinter::end_thought() {
  if (!in_thought_) return;
  session_.print(is_faint_ ? "\n\n" : "\n</think>\n\n");
  in_thought_ = false;
}

void AnswerPrinter::content(std::string_view piece) {
  end_thought();
  has_content_ = true;
  session_.print(piece);
  session_.flush();
}

void AnswerPrinter::finish(const Json& tool_calls) {
  if (!tool_calls.empty()) end_thought();
  for (const Json& call : tool_calls) {
    const Json& function = call["function"];
    // The arguments are JSON text in OpenAI's form.
    const Json line = {{"name", function["name"]},
                       {"arguments", parse_json(function["arguments"].get<std::string>())}};
    session_.print(has_content_ ? "\n" : "");
    session_.print(dump_json(line));
    has_content_ = true;
  }
  session_.print(in_thought_ && !is_faint_ ? "\n</think>\n" : "\n");
  session_.flush();
  if (hides_thought_ && !has_content_) {
    session_.progress().note("the answer is a thought alone; --show-reasoning prints it");
  }
}

}  // namespace bantam
