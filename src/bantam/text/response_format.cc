#include "bantam/text/response_format.h"

#include <algorithm>
#include <array>
#include <optional>

#include "bantam/text/responses/call_syntax.h"
#include "bantam/text/responses/literal.h"

namespace bantam {
namespace {

constexpr std::string_view think = "<think>", end_think = "</think>";

constexpr std::array<ResponseFormat, 15> formats = {{
    {.name = "atem",
     .mark = "<atem:invoke",
     .thought_begin = "",
     .thought_end = "",
     .syntax = CallSyntax::tagged,
     .tags = {"<atem:invoke name=\"", "\">", "<atem:parameter name=\"", "\">", "</atem:parameter>"},
     .addressed = true},
    {.name = "harmony",
     .mark = "<|channel|>analysis",
     .thought_begin = "",
     .thought_end = "",
     .syntax = CallSyntax::json,
     .addressed = true},
    {.name = "gemma-4",
     .mark = "<|tool_call>call:",
     .thought_begin = "<|channel>thought\n",
     .thought_end = "<channel|>",
     .calls_begin = "<|tool_call>",
     .calls_end = "<tool_call|>",
     .syntax = CallSyntax::named,
     .tags = {"call:", ""}},
    {.name = "lfm2",
     .mark = "<|tool_call_start|>",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<|tool_call_start|>",
     .calls_end = "<|tool_call_end|>",
     .syntax = CallSyntax::python},
    {.name = "deepseek",
     .mark = "<｜tool▁calls▁begin｜>",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<｜tool▁calls▁begin｜>",
     .calls_end = "<｜tool▁calls▁end｜>",
     .syntax = CallSyntax::named,
     .tags = {"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>"}},
    {.name = "command",
     .mark = "<|START_RESPONSE|>",
     .thought_begin = "<|START_THINKING|>",
     .thought_end = "<|END_THINKING|>",
     .calls_begin = "<|START_ACTION|>",
     .calls_end = "<|END_ACTION|>",
     .syntax = CallSyntax::json,
     .content_begin = "<|START_RESPONSE|>",
     .content_end = "<|END_RESPONSE|>"},
    {.name = "mistral",
     .mark = "[ARGS]",
     .thought_begin = "[THINK]",
     .thought_end = "[/THINK]",
     .calls_begin = "[TOOL_CALLS]",
     .syntax = CallSyntax::named,
     .tags = {"", "[ARGS]"}},
    {.name = "mistral-list",
     .mark = "[TOOL_CALLS]",
     .thought_begin = "[THINK]",
     .thought_end = "[/THINK]",
     .calls_begin = "[TOOL_CALLS]",
     .syntax = CallSyntax::json},
    {.name = "glm",
     .mark = "<arg_key>",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<tool_call>",
     .calls_end = "</tool_call>",
     .syntax = CallSyntax::tagged,
     .tags = {"", "\n", "<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>"}},
    {.name = "function-tags",
     .mark = "<function=",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<tool_call>",
     .calls_end = "</tool_call>",
     .syntax = CallSyntax::tagged,
     .tags = {"<function=", ">", "<parameter=", ">", "</parameter>"}},
    {.name = "invoke-tags",
     .mark = "<invoke name=",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<minimax:tool_call>",
     .calls_end = "</minimax:tool_call>",
     .syntax = CallSyntax::tagged,
     .tags = {"<invoke name=\"", "\">", "<parameter name=\"", "\">", "</parameter>"}},
    {.name = "hermes",
     .mark = "<tool_call>",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<tool_call>",
     .calls_end = "</tool_call>",
     .syntax = CallSyntax::json},
    {.name = "granite",
     .mark = "<|tool_call|>",
     .thought_begin = think,
     .thought_end = end_think,
     .calls_begin = "<|tool_call|>",
     .calls_end = "<|/tool_call|>",
     .syntax = CallSyntax::json},
    {.name = "llama-3",
     .mark = "\"parameters\": ",
     .thought_begin = think,
     .thought_end = end_think,
     .syntax = CallSyntax::json},
    {.name = "thoughts", .mark = "", .thought_begin = think, .thought_end = end_think},
}};

class ResponseReader {
 public:
  ResponseReader(const ResponseFormat& format, const Json& tools)
      : format_(format), tools_(tools) {}

  Message read(std::string_view text, std::string_view prompt_end) {
    if (format_.addressed) {
      read_addressed(text, prompt_end);
    } else {
      read_calls_of(after_thought(text, prompt_end));
    }
    message_.role = "assistant";
    message_.content = unmarked(trimmed(content_));
    return std::move(message_);
  }

 private:
  std::string_view unmarked(std::string_view content) const {
    if (content.starts_with(format_.content_begin)) {
      content.remove_prefix(format_.content_begin.size());
    }
    if (content.ends_with(format_.content_end)) content.remove_suffix(format_.content_end.size());
    return trimmed(content);
  }

  void add_thought(std::string_view thought) {
    thought = trimmed(thought);
    if (thought.empty()) return;
    if (!message_.reasoning_content.empty()) message_.reasoning_content += "\n\n";
    message_.reasoning_content += thought;
  }

  bool add_calls(std::string_view text) {
    const std::optional<Json> calls = read_calls(text, format_, tools_);
    if (!calls || calls->empty()) return false;
    for (const Json& call : *calls) add_call(call["name"], call["arguments"]);
    return true;
  }

  void add_call(const Json& name, const Json& arguments) {
    if (message_.tool_calls.is_null()) message_.tool_calls = Json::array();
    message_.tool_calls.push_back(
        {{"id", "call_" + std::to_string(message_.tool_calls.size() + 1)},
         {"type", "function"},
         {"function", {{"name", name}, {"arguments", dump_json(arguments)}}}});
  }

  /// A thought stands first: from its mark, or from the end of the prompt, to its end. One without
  /// an end is all there is: the answer was cut.
  std::string_view after_thought(std::string_view text, std::string_view prompt_end) {
    const auto begin = trimmed(format_.thought_begin);
    bool within = prompt_end.ends_with(begin) || trimmed(prompt_end).ends_with(begin);
    if (skip_token(text, begin)) within = true;
    const std::size_t end = text.find(format_.thought_end);
    if (end == std::string_view::npos && !within) return text;
    add_thought(text.substr(0, end));
    if (end == std::string_view::npos) return {};
    return text.substr(end + format_.thought_end.size());
  }

  void read_calls_of(std::string_view text) {
    if (format_.syntax == CallSyntax::none) {
      content_ += text;
      return;
    }
    if (format_.calls_begin.empty()) {  // a whole answer is a call, or is none
      std::string_view body = text;
      skip_token(body, "<|python_tag|>");
      if (!add_calls(body)) content_ += text;
      return;
    }
    while (true) {
      const std::size_t begin = text.find(format_.calls_begin);
      content_ += trimmed(text.substr(0, begin));
      if (begin == std::string_view::npos) return;
      text.remove_prefix(begin);
      text.remove_prefix(read_call_at(text));
    }
  }

  /// Length of the call at the front, mark included, which is added to calls or, unread, to the
  /// content.
  std::size_t read_call_at(std::string_view text) {
    const std::size_t begin = format_.calls_begin.size();
    const std::string_view end_mark =
        format_.calls_end.empty() ? format_.calls_begin : format_.calls_end;
    const std::size_t end = text.find(end_mark, begin);  // absent: to the end of the answer
    const std::size_t length = end == std::string_view::npos ? text.size()
                               : format_.calls_end.empty()   ? end
                                                             : end + end_mark.size();
    if (!add_calls(text.substr(begin, std::min(end, text.size()) - begin))) {
      content_ += text.substr(0, length);
    }
    return length;
  }

  /// Header <|message|> body, ended by one of several marks; the prompt holds the first header's
  /// beginning.
  void read_addressed(std::string_view text, std::string_view prompt_end) {
    constexpr std::array<std::string_view, 5> ends = {"<|end|>", "<|eom|>", "<|call|>", "<|eot|>",
                                                      "<|return|>"};
    constexpr std::string_view start = "<|start|>", message = "<|message|>";
    const std::size_t open = prompt_end.rfind(start);
    std::string header(open == std::string_view::npos ? "" : prompt_end.substr(open));
    if (const std::size_t at = header.find(message); at != std::string::npos) header.resize(at);
    bool in_body = prompt_end.ends_with(message);
    while (!text.empty()) {
      if (!in_body) {
        const std::size_t at = text.find(message);
        if (at == std::string_view::npos) break;  // no message: plain text, or a header cut
        header += text.substr(0, at);
        text.remove_prefix(at + message.size());
      }
      std::size_t end = text.size(), next = text.size();
      for (const std::string_view mark : ends) {
        const std::size_t at = text.find(mark);
        if (at < end) end = at, next = at + mark.size();
      }
      add_addressed(header, text.substr(0, end));
      text.remove_prefix(next);
      header.clear();
      in_body = false;
    }
    if (!text.starts_with(start)) content_ += text;
  }

  void add_addressed(std::string_view header, std::string_view body) {
    std::string_view recipient;
    if (const std::size_t to = header.find("to="); to != std::string_view::npos) {
      std::string_view rest = header.substr(to + 3);
      recipient = read_name(rest);
    }
    if (header.find("<|channel|>analysis") != std::string_view::npos || recipient == "self") {
      add_thought(body);
    } else if (recipient.empty() || recipient == "user" || !add_call_to(recipient, body)) {
      content_ += body;
    }
  }

  bool add_call_to(std::string_view recipient, std::string_view body) {
    if (format_.syntax == CallSyntax::tagged) return add_calls(body);
    constexpr std::string_view space = "functions.";
    if (recipient.starts_with(space)) recipient.remove_prefix(space.size());
    const std::optional<Json> arguments = read_literal(body);
    if (recipient.empty() || !arguments || !arguments->is_object()) return false;
    add_call(std::string(recipient), *arguments);
    return true;
  }

  const ResponseFormat& format_;
  const Json& tools_;
  Message message_;
  std::string content_;
};

}  // namespace

std::span<const ResponseFormat> response_formats() { return formats; }

const ResponseFormat& response_format_of(std::string_view template_source) {
  return *std::ranges::find_if(formats, [&](const ResponseFormat& format) {
    return template_source.find(format.mark) != std::string_view::npos;
  });
}

bool is_written_with(const ResponseFormat& format, std::string_view special_token) {
  if (special_token.empty()) return false;
  if (format.addressed) return true;
  const std::string_view marks[] = {
      format.thought_begin,  format.thought_end,  format.calls_begin,     format.calls_end,
      format.content_begin,  format.content_end,  format.tags.name_begin, format.tags.name_end,
      format.tags.key_begin, format.tags.key_end, format.tags.value_end};
  return std::ranges::any_of(marks, [&](std::string_view mark) {
    return mark.find(special_token) != std::string_view::npos;
  });
}

Message parse_response(std::string_view text, const ResponseFormat& format,
                       std::string_view prompt_end, const Json& tools) {
  return ResponseReader(format, tools).read(text, prompt_end);
}

}  // namespace bantam
