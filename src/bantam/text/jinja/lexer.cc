#include "bantam/text/jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Line ends become \n, and one at the very end is dropped, as jinja2 does by default.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_data();
    add(Token::Kind::end, "");
    return std::move(tokens_);
  }

 private:
  template <class... Args>
  Error fail(fmt::format_string<Args...> text, Args&&... args) const {
    return input_error("template line {}: {}", line_,
                       fmt::format(text, std::forward<Args>(args)...));
  }

  void add(Token::Kind kind, std::string value) {
    tokens_.push_back({kind, std::move(value), line_});
  }

  bool looking_at(std::string_view text) const {
    return std::string_view(source_).substr(at_).starts_with(text);
  }

  void advance(std::size_t count) {
    line_ +=
        static_cast<int>(std::count(source_.begin() + at_, source_.begin() + at_ + count, '\n'));
    at_ += count;
    // Only what the last token ended with decides whether a line begins here.
    if (count > 0) line_starting_ = source_[at_ - 1] == '\n';
  }

  void skip_white_space() { advance(stripped_begin(std::string_view(source_).substr(at_))); }

  /// Text up to the next tag, then the tag.
  void lex_data() {
    const bool line_starting = line_starting_;
    std::size_t tag = source_.find('{', at_);
    while (tag != std::string::npos && tag + 1 < source_.size() && source_[tag + 1] != '{' &&
           source_[tag + 1] != '%' && source_[tag + 1] != '#') {
      tag = source_.find('{', tag + 1);
    }
    if (tag == std::string::npos || tag + 1 >= source_.size()) {
      const std::size_t rest = source_.size() - at_;
      add(Token::Kind::data, source_.substr(at_));
      advance(rest);
      return;
    }
    std::string_view text = std::string_view(source_).substr(at_, tag - at_);
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign == '-') {
      text = text.substr(0, stripped_end(text));
    } else if (sign != '+' && kind != '{') {                // lstrip_blocks
      const std::size_t line_begin = text.rfind('\n') + 1;  // npos + 1 is 0
      const std::string_view last_line = text.substr(line_begin);
      const bool begins_line = line_begin > 0 || line_starting;
      if (begins_line && stripped_end(last_line) == 0) text = text.substr(0, line_begin);
    }
    if (!text.empty()) add(Token::Kind::data, std::string(text));
    const bool has_sign = sign == '-' || sign == '+';
    advance(tag - at_ + 2 + (has_sign ? 1 : 0));
    if (kind == '#') {
      lex_comment();
    } else if (kind == '{') {
      add(Token::Kind::variable_begin, "");
      lex_code("}}", Token::Kind::variable_end);
    } else if (!lex_raw()) {
      add(Token::Kind::block_begin, "");
      lex_code("%}", Token::Kind::block_end);
    }
  }

  /// After "%}" and "#}" one line end goes (trim_blocks), after "-%}" all white space, after "+%}"
  /// nothing.
  void finish_tag(char sign, std::size_t length, bool trims_line) {
    advance(length);
    if (sign == '-') {
      skip_white_space();
    } else if (sign != '+' && trims_line && at_ < source_.size() && source_[at_] == '\n') {
      advance(1);
    }
  }

  void lex_comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) throw fail("comment without an end: expected '#}}'");
    const char before = end > at_ ? source_[end - 1] : '\0';
    const char sign = before == '-' || before == '+' ? before : '\0';
    finish_tag(sign, end + 2 - at_, true);
  }

  /// {% raw %} ... {% endraw %}: true if it was one.
  bool lex_raw() {
    const std::size_t start = at_;
    std::size_t at = at_ + stripped_begin(std::string_view(source_).substr(at_));
    if (source_.compare(at, 3, "raw") != 0) return false;
    at += 3;
    at += stripped_begin(std::string_view(source_).substr(at));
    const bool strips = source_.compare(at, 3, "-%}") == 0;
    if (!strips && source_.compare(at, 2, "%}") != 0) return false;
    advance(at + (strips ? 3 : 2) - start);
    if (strips) skip_white_space();
    const bool line_starting = line_starting_;
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos;
         tag = source_.find("{%", tag + 2)) {
      std::size_t inside = tag + 2;
      const char sign = inside < source_.size() ? source_[inside] : '\0';
      if (sign == '-' || sign == '+') ++inside;
      inside += stripped_begin(std::string_view(source_).substr(inside));
      if (source_.compare(inside, 6, "endraw") != 0) continue;
      inside += 6;
      inside += stripped_begin(std::string_view(source_).substr(inside));
      const char end_sign = inside < source_.size() ? source_[inside] : '\0';
      const std::size_t close = inside + (end_sign == '-' || end_sign == '+' ? 1 : 0);
      if (source_.compare(close, 2, "%}") != 0) continue;
      std::string_view text = std::string_view(source_).substr(at_, tag - at_);
      if (sign == '-') {
        text = text.substr(0, stripped_end(text));
      } else if (sign != '+') {
        const std::size_t line_begin = text.rfind('\n') + 1;
        if ((line_begin > 0 || line_starting) && stripped_end(text.substr(line_begin)) == 0) {
          text = text.substr(0, line_begin);
        }
      }
      if (!text.empty()) add(Token::Kind::data, std::string(text));
      finish_tag(end_sign, close + 2 - at_, true);
      return true;
    }
    throw fail("raw block without an end: expected '{{% endraw %}}'");
  }

  void lex_code(std::string_view close, Token::Kind end_kind) {
    std::string brackets;
    for (;;) {
      skip_white_space();
      if (at_ >= source_.size()) throw fail("tag without an end: expected '{}'", close);
      if (brackets.empty()) {
        const char first = source_[at_];
        const bool may_have_sign =
            first == '-' || (first == '+' && end_kind == Token::Kind::block_end);
        const std::size_t sign_length = may_have_sign ? 1 : 0;
        if (source_.compare(at_ + sign_length, 2, close) == 0) {
          add(end_kind, "");
          finish_tag(may_have_sign ? first : '\0', sign_length + 2,
                     end_kind == Token::Kind::block_end);
          return;
        }
      }
      lex_token(brackets);
    }
  }

  void lex_token(std::string& brackets) {
    const char c = source_[at_];
    const CodePoint first = code_point_at(source_, at_);
    if (c == '\'' || c == '"') {
      lex_string(c);
    } else if (is_digit(c)) {
      lex_number();
    } else if (c == '_' || (first.valid && is_letter(first.value))) {
      std::size_t end = at_;
      while (end < source_.size()) {
        const CodePoint next = code_point_at(source_, end);
        if (!next.valid || !is_word(next.value)) break;
        end += next.length;
      }
      add(Token::Kind::name, source_.substr(at_, end - at_));
      advance(end - at_);
    } else {
      lex_operator(brackets);
    }
  }

  void lex_operator(std::string& brackets) {
    static constexpr std::string_view operators[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : operators) {
      if (!looking_at(op)) continue;
      const char c = op[0];
      if (c == '(' || c == '[' || c == '{') brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (brackets.empty()) throw fail("unexpected '{}'", op);
        if (brackets.back() != c) throw fail("unexpected '{}', expected '{}'", op, brackets.back());
        brackets.pop_back();
      }
      add(Token::Kind::op, std::string(op));
      advance(op.size());
      return;
    }
    throw fail("unexpected character '{}'",
               escaped(source_.substr(at_, code_point_at(source_, at_).length)));
  }

  /// Digits with single underscores between them; returns where they end.
  std::size_t digits_end(std::size_t at, int base) const {
    const auto is_in_base = [&](char c) {
      if (base == 16 && std::string_view("abcdefABCDEF").find(c) != std::string::npos) return true;
      return c >= '0' && c < '0' + std::min(base, 10);
    };
    while (at < source_.size() &&
           (is_in_base(source_[at]) ||
            (source_[at] == '_' && at + 1 < source_.size() && is_in_base(source_[at + 1])))) {
      ++at;
    }
    return at;
  }

  std::string digits(std::size_t begin, std::size_t end) const {
    std::string out = source_.substr(begin, end - begin);
    std::erase(out, '_');
    return out;
  }

  void lex_number() {
    const char prefix =
        at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    const int base = source_[at_] != '0' ? 10
                     : prefix == 'x'     ? 16
                     : prefix == 'o'     ? 8
                     : prefix == 'b'     ? 2
                                         : 10;
    const std::size_t begin = base == 10 ? at_ : at_ + 2;
    std::size_t end = digits_end(begin, base);
    bool real = false;
    const bool after_dot =
        !tokens_.empty() && tokens_.back().kind == Token::Kind::op && tokens_.back().value == ".";
    if (base == 10 && !after_dot) {
      if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
        end = digits_end(end + 1, 10);
        real = true;
      }
      if (end < source_.size() && (source_[end] | 0x20) == 'e') {
        std::size_t exponent = end + 1;
        if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
          ++exponent;
        }
        if (exponent < source_.size() && is_digit(source_[exponent])) {
          end = digits_end(exponent, 10);
          real = true;
        }
      }
    }
    const std::string text = digits(begin, end);
    if (real) {
      add(Token::Kind::real, text);
    } else {
      std::int64_t value = 0;
      const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
      if (result.ec != std::errc() || text.empty())
        throw fail("number '{}' is too large", escaped(text));
      add(Token::Kind::integer, std::to_string(value));
    }
    advance(end - at_);
  }

  void lex_string(char quote) {
    std::string value;
    std::size_t at = at_ + 1;
    for (;; ++at) {
      if (at >= source_.size()) throw fail("string without an end: expected {}", quote);
      const char c = source_[at];
      if (c == quote) break;
      if (c != '\\') {
        value += c;
        continue;
      }
      if (++at >= source_.size()) throw fail("string without an end: expected {}", quote);
      at = lex_escape(at, value);
    }
    add(Token::Kind::string, std::move(value));
    advance(at + 1 - at_);
  }

  /// `at` is the character after the backslash; returns the last one used. The rules of Python
  /// string literals.
  std::size_t lex_escape(std::size_t at, std::string& value) {
    const char c = source_[at];
    static constexpr std::string_view letters = "ntr\\'\"abfv", meanings = "\n\t\r\\'\"\a\b\f\v";
    if (const std::size_t i = letters.find(c); i != std::string_view::npos) {
      value += meanings[i];
      return at;
    }
    if (c == '\n') return at;  // a continued line
    if (c >= '0' && c <= '7') {
      std::size_t end = at;
      while (end < source_.size() && end < at + 3 && source_[end] >= '0' && source_[end] <= '7')
        ++end;
      unsigned code = 0;
      std::from_chars(source_.data() + at, source_.data() + end, code, 8);
      append_utf8(value, code);
      return end - 1;
    }
    const std::size_t length = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (length == 0) {  // an unknown escape stands for itself
      value += '\\';
      value += c;
      return at;
    }
    unsigned code = 0;
    const char* begin = source_.data() + at + 1;
    if (at + length >= source_.size()) throw fail("escape \\{} needs {} digits", c, length);
    const auto result = std::from_chars(begin, begin + length, code, 16);
    if (result.ptr != begin + length) throw fail("escape \\{} needs {} digits", c, length);
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      throw fail("escape \\{} names no character", c);
    }
    append_utf8(value, code);
    return at + length;
  }

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

bool is_python_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

std::size_t stripped_end(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    const CodePoint c = code_point_at(text, begin);
    if (!c.valid || begin + c.length != end || !is_python_space(c.value)) break;
    end = begin;
  }
  return end;
}

std::size_t stripped_begin(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint c = code_point_at(text, at);
    if (!c.valid || !is_python_space(c.value)) break;
    at += c.length;
  }
  return at;
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace bantam::jinja
