#define PCRE2_CODE_UNIT_WIDTH 8
#include "bantam/text/split_pattern.h"

#include <pcre2.h>
#include <time.h>

#include <algorithm>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::size_t pattern_limit = 64 << 10;
// Ordinary patterns need a few dozen steps a match, and a few for each byte of a long run of
// spaces.
constexpr std::uint32_t match_limit = 100'000, match_limit_per_byte = 8;
constexpr std::uint32_t depth_limit = 10'000;
constexpr std::uint32_t heap_limit_kib = 20'000;
constexpr std::size_t stack_limit = 1 << 20;

/// Processor time of this thread, which other programs on the machine cannot use up.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What a thread needs to match any pattern; the limits are the same for all.
struct Scratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, stack_limit, nullptr);
  Scratch() {
    if (!data || !context || !stack) throw resource_error("split pattern: no memory for matching");
    pcre2_set_depth_limit(context, depth_limit);
    pcre2_set_heap_limit(context, heap_limit_kib);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Scratch() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

/// PCRE2's \s also holds U+180E, which Unicode took out of White_Space; spelled out, it does not.
std::string with_exact_white_space(std::string_view pattern) {
  constexpr std::string_view members = R"(\t-\r\x{85}\p{Z})";
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's') {
        out += in_class ? std::string(members) : fmt::format("[{}]", members);
      } else if (next == 'S' && !in_class) {
        out += fmt::format("[^{}]", members);
      } else {
        out += c;
        out += next;
      }
      continue;
    }
    if (in_class && c == '&' && pattern.substr(i, 2) == "&&") {
      throw input_error(
          "split pattern: byte {}: an intersection of character classes (&&) is not understood", i);
    }
    if (!in_class && c == '[') {
      in_class = true;
      out += c;
      if (pattern.substr(i + 1, 1) == "^") out += pattern[++i];
      if (pattern.substr(i + 1, 1) == "]") out += pattern[++i];  // a literal ] may come first
      continue;
    }
    if (in_class && c == ']') in_class = false;
    out += c;
  }
  return out;
}

}  // namespace

struct SplitPattern::Code {
  pcre2_code* code = nullptr;
  bool compiled = false;  // to machine code
  ~Code() { pcre2_code_free(code); }
};

SplitPattern::SplitPattern(std::string_view pattern) : source_(pattern) {
  if (pattern.size() > pattern_limit) {
    throw input_error("split pattern: expected at most {} bytes, found {}", pattern_limit,
                      pattern.size());
  }
  const std::string exact = with_exact_white_space(pattern);
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
  if (!context) throw resource_error("split pattern: no memory for compiling");
  pcre2_set_parens_nest_limit(context.get(), 100);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(exact.data()), exact.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
                             context.get());
  if (!code->code) {
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(error, message, sizeof message);
    throw input_error("split pattern '{}': byte {}: {}", escaped(exact), offset,
                      reinterpret_cast<const char*>(message));
  }
  code->compiled = pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE) == 0;
  code_ = std::move(code);
}

SplitPattern SplitPattern::literal(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || std::isalnum(byte) || std::isspace(byte);
    if (!plain) pattern += '\\';
    pattern += c;
  }
  return SplitPattern(pattern);
}

void SplitPattern::find_all(std::string_view text, std::uint32_t base,
                            std::vector<std::pair<std::uint32_t, std::uint32_t>>& matches) const {
  thread_local Scratch scratch;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const auto* range = pcre2_get_ovector_pointer(scratch.data);
  const auto limit =
      match_limit + match_limit_per_byte * std::min<std::size_t>(text.size(), 1 << 27);
  pcre2_set_match_limit(scratch.context, static_cast<std::uint32_t>(limit));
  double deadline = 0;
  std::uint32_t rounds = 0;
  for (std::size_t at = 0; at < text.size();) {
    const int result = code_->compiled
                           ? pcre2_jit_match(code_->code, subject, text.size(), at,
                                             PCRE2_NO_UTF_CHECK, scratch.data, scratch.context)
                           : pcre2_match(code_->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK,
                                         scratch.data, scratch.context);
    if (result == PCRE2_ERROR_NOMATCH) return;
    // A match that is cheap enough by itself, repeated at every byte, must not take minutes either.
    bool late = false;
    if (++rounds % 64 == 0) {
      const double now = thread_seconds();
      if (deadline == 0) deadline = now + 0.1 + 1e-6 * static_cast<double>(text.size());
      late = now > deadline;
    }
    if (result < 0 || late) {
      throw input_error("split pattern '{}': pattern exceeded the match limit at byte {}",
                        escaped(source_), base + at);
    }
    std::size_t begin = range[0], end = range[1];
    if (begin < at || end < begin || end > text.size()) {  // \K inside a look-around can do this
      throw input_error("split pattern '{}': matches backwards at byte {}", escaped(source_),
                        base + at);
    }
    if (begin == end) {
      at = end;
      do ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
      continue;
    }
    matches.emplace_back(base + begin, base + end);
    at = end;
  }
}

}  // namespace bantam
