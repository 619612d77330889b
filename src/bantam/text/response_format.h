// How a family of models writes thoughts and tool calls into its answers, and reading them back.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bantam/base/json.h"
#include "bantam/text/chat_message.h"

namespace bantam {

/// How one call is written, or a list of them.
enum class CallSyntax {
  none,    ///< the family knows no calls
  json,    ///< {"name": …, "arguments": {…}}, or a list of such
  named,   ///< a name, then its arguments in JSON or Gemma's notation
  python,  ///< [search(query='a'), clock()]
  tagged,  ///< name and arguments each between tags of their own
};

/// Texts around the parts of a call in the syntaxes `named` and `tagged`.
struct CallTags {
  std::string_view name_begin, name_end;
  std::string_view key_begin = "", key_end = "";  ///< tagged only, as all below
  std::string_view value_end = "";
};

struct ResponseFormat {
  std::string_view name;  ///< "hermes"
  std::string_view mark;  ///< what chat templates of the family hold, and those tried before do not
  std::string_view thought_begin, thought_end;
  std::string_view calls_begin = "", calls_end = "";  ///< around a call; empty: the whole answer
  CallSyntax syntax = CallSyntax::none;
  CallTags tags = {"", ""};
  std::string_view content_begin = "", content_end = "";  ///< around the content, where marked
  /// Answers are messages with a header each, which says to whom: oneself (a thought), a tool, the
  /// user.
  bool addressed = false;
};

/// The formats that are told apart, most particular first.
std::span<const ResponseFormat> response_formats();
/// By the marks in the source of a chat template; the last format, which knows thoughts only, where
/// none is found.
const ResponseFormat& response_format_of(std::string_view template_source);

/// Whether answers in this format hold the special token: it is a mark, or part of one.
bool is_written_with(const ResponseFormat& format, std::string_view special_token);

/// An answer taken apart: reasoning_content, content without white space around it, and tool_calls
/// in OpenAI's form ({"id": "call_1", "type": "function", "function": {"name", "arguments"}}, the
/// arguments as JSON text). `text` holds the special tokens that the format is written with.
/// `prompt_end` is what the prompt ended with: an answer may go on within a thought that the
/// template began. `tools`, if any, say which arguments are strings where the text does not. What
/// cannot be read as a call stays in the content, so that nothing is lost.
Message parse_response(std::string_view text, const ResponseFormat& format,
                       std::string_view prompt_end = "", const Json& tools = {});

}  // namespace bantam
