#include "bantam/text/response_stream.h"

#include <algorithm>
#include <span>

namespace bantam {
namespace {

constexpr auto npos = std::string_view::npos;

// Bytes at the end of `text` that may turn out to be the beginning of `mark`.
std::size_t beginning_of(std::string_view mark, std::string_view text) {
  for (std::size_t n = std::min(mark.size() - 1, text.size()); n > 0; --n) {
    if (text.ends_with(mark.substr(0, n))) return n;
  }
  return 0;
}

// An answer that is a call as a whole shows it in how it begins.
bool may_be_a_call(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == npos) return true;
  return text[first] == '{' || text[first] == '[' || text.substr(first).starts_with("<|");
}

// Where a call begins that has no end yet.
std::size_t open_call(std::string_view text, const ResponseFormat& format) {
  const std::size_t last = text.rfind(format.calls_begin);
  if (last == npos) return text.size();
  const bool ends = !format.calls_end.empty() && text.find(format.calls_end, last) != npos;
  return ends ? text.size() : last;
}

// What follows the last message that ended has no reader before its header is complete.
std::size_t open_header(std::string_view text, std::string_view prompt_end) {
  const std::size_t header = text.rfind("<|start|>");
  const std::size_t from = header == npos ? 0 : header;
  const bool in_body = header == npos && prompt_end.ends_with("<|message|>");
  return in_body || text.find("<|message|>", from) != npos ? text.size() : from;
}

// A thought that ends without having begun turns what was content into one: then all is new.
std::string grown(std::string& shown, const std::string& now) {
  if (shown.starts_with(now)) return "";
  std::string more = now.starts_with(shown) ? now.substr(shown.size()) : now;
  shown = now;
  return more;
}

std::string_view without_beginnings(std::string_view text,
                                    std::span<const std::string_view> marks) {
  std::size_t held = 0;
  for (const std::string_view mark : marks) {
    if (!mark.empty()) held = std::max(held, beginning_of(mark, text));
  }
  return text.substr(0, text.size() - held);
}

}  // namespace

// The front of the text that is read alike whatever comes.
std::string_view ResponseStream::decided() const {
  std::string_view text = text_;
  if (format_.addressed) {
    constexpr std::string_view kMarks[] = {"<|start|>", "<|end|>", "<|eom|>",
                                           "<|call|>",  "<|eot|>", "<|return|>"};
    return without_beginnings(text.substr(0, open_header(text, prompt_end_)), kMarks);
  }
  if (format_.syntax != CallSyntax::none) {
    if (!format_.calls_begin.empty()) {
      text = text.substr(0, open_call(text, format_));
    } else if (may_be_a_call(text)) {
      return {};
    }
  }
  const std::string_view marks[] = {format_.thought_begin, format_.thought_end, format_.calls_begin,
                                    format_.content_begin, format_.content_end};
  return without_beginnings(text, marks);
}

ResponseStream::Shown ResponseStream::growth(const Message& message) {
  return {grown(thought_, message.reasoning_content), grown(content_, message.content)};
}

ResponseStream::Shown ResponseStream::push(std::string_view piece) {
  text_ += piece;
  return growth(parse_response(decided(), format_, prompt_end_));
}

}  // namespace bantam
