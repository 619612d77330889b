#include "bantam/text/responses/literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr int deepest = 64;
constexpr std::string_view gemma_quote = "<|\"|>";

constexpr std::string_view white_space = " \t\r\n";

void skip_space(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
}

/// `digits` hexadecimal ones.
std::optional<std::uint32_t> read_code(std::string_view& text, std::size_t digits) {
  std::uint32_t code = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, code, 16);
  if (error != std::errc() || end != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  return code;
}

/// What follows a backslash and an "x", "u" or "U"; a pair of surrogates is one character, a lone
/// one is U+FFFD.
bool read_numbered(std::string_view& text, std::size_t digits, std::string& out) {
  std::optional<std::uint32_t> code = read_code(text, digits);
  if (!code) return false;
  if (*code >= 0xD800 && *code < 0xDC00 && text.starts_with("\\u")) {
    std::string_view rest = text.substr(2);
    const auto low = read_code(rest, 4);
    if (low && *low >= 0xDC00 && *low < 0xE000) {
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
      text = rest;
    }
  }
  if (*code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) code = 0xFFFD;
  append_utf8(out, static_cast<char32_t>(*code));
  return true;
}

bool read_escape(std::string_view& text, std::string& out) {
  if (text.empty()) return false;
  const char letter = text.front();
  text.remove_prefix(1);
  switch (letter) {
    case 'n':
      out += '\n';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case '0':
      out += '\0';
      return true;
    case 'x':
      return read_numbered(text, 2, out);
    case 'u':
      return read_numbered(text, 4, out);
    case 'U':
      return read_numbered(text, 8, out);
    case '\\':
    case '"':
    case '\'':
    case '/':
      out += letter;
      return true;
    default:
      out += '\\';
      out += letter;
      return true;  // Python keeps what it does not know
  }
}

std::optional<Json> read_quoted(std::string_view& text) {
  const char quote = text.front();
  text.remove_prefix(1);
  std::string out;
  while (!text.empty() && text.front() != quote) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;  // a bare line break too: models write it
    } else if (!read_escape(text, out)) {
      return std::nullopt;
    }
  }
  if (text.empty()) return std::nullopt;
  text.remove_prefix(1);
  return out;
}

std::optional<Json> read_gemma_string(std::string_view& text) {
  text.remove_prefix(gemma_quote.size());
  const std::size_t end = text.find(gemma_quote);
  if (end == std::string_view::npos) return std::nullopt;
  std::string out(text.substr(0, end));
  text.remove_prefix(end + gemma_quote.size());
  return out;
}

std::optional<Json> read_number(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_not_of("+-.0123456789eE"), text.size());
  const std::string_view digits = text.substr(0, length);
  const char* begin = digits.data();
  const char* end = begin + length;
  Json number;
  std::int64_t whole = 0;
  double real = 0;
  if (const auto read = std::from_chars(begin, end, whole);
      read.ec == std::errc() && read.ptr == end) {
    number = whole;
  } else if (const auto again = std::from_chars(begin, end, real);
             again.ec == std::errc() && again.ptr == end && std::isfinite(real)) {
    number = real;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(length);
  return number;
}

std::optional<Json> read_word_or_number(std::string_view& text) {
  struct Word {
    std::string_view text;
    Json value;
  };
  static const Word words[] = {{"true", true},   {"True", true},    {"false", false},
                               {"False", false}, {"null", nullptr}, {"None", nullptr}};
  for (const Word& word : words) {
    if (!text.starts_with(word.text)) continue;
    std::string_view whole = text;
    if (read_name(whole) != word.text) continue;
    text = whole;
    return word.value;
  }
  return read_number(text);
}

std::optional<Json> read_value(std::string_view& text, int depth);

std::optional<Json> read_list(std::string_view& text, int depth, std::string_view close) {
  text.remove_prefix(1);
  Json list = Json::array();
  if (skip_token(text, close)) return list;
  while (true) {
    std::optional<Json> value = read_value(text, depth);
    if (!value) return std::nullopt;
    list.push_back(*std::move(value));
    const bool more = skip_token(text, ",");
    if (skip_token(text, close)) return list;
    if (!more) return std::nullopt;
  }
}

std::optional<std::string> read_key(std::string_view& text) {
  skip_space(text);
  std::optional<Json> key;
  if (text.starts_with(gemma_quote)) {
    key = read_gemma_string(text);
  } else if (text.starts_with('"') || text.starts_with('\'')) {
    key = read_quoted(text);
  } else {
    const std::size_t colon = text.find_first_of(":{}[]\"'\n,");  // Gemma's keys are bare
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    key = std::string(text.substr(0, colon));
    text.remove_prefix(colon);
  }
  if (!key) return std::nullopt;
  return key->get<std::string>();
}

std::optional<Json> read_map(std::string_view& text, int depth) {
  text.remove_prefix(1);
  Json map = Json::object();
  if (skip_token(text, "}")) return map;
  while (true) {
    const std::optional<std::string> key = read_key(text);
    if (!key || !skip_token(text, ":")) return std::nullopt;
    std::optional<Json> value = read_value(text, depth);
    if (!value) return std::nullopt;
    map[*key] = *std::move(value);
    const bool more = skip_token(text, ",");
    if (skip_token(text, "}")) return map;
    if (!more) return std::nullopt;
  }
}

std::optional<Json> read_value(std::string_view& text, int depth) {
  skip_space(text);
  if (text.empty() || depth == deepest) return std::nullopt;
  if (text.starts_with(gemma_quote)) return read_gemma_string(text);
  switch (text.front()) {
    case '"':
    case '\'':
      return read_quoted(text);
    case '[':
      return read_list(text, depth + 1, "]");
    case '(':
      return read_list(text, depth + 1, ")");
    case '{':
      return read_map(text, depth + 1);
    default:
      return read_word_or_number(text);
  }
}

}  // namespace

std::optional<Json> read_literal(std::string_view& text) { return read_value(text, 0); }

std::string_view trimmed(std::string_view text) {
  skip_space(text);
  return text.substr(0, text.find_last_not_of(white_space) + 1);
}

bool skip_token(std::string_view& text, std::string_view expected) {
  std::string_view rest = text;
  skip_space(rest);
  if (!rest.starts_with(expected)) return false;
  text = rest.substr(expected.size());
  return true;
}

std::string_view read_name(std::string_view& text) {
  skip_space(text);
  const auto belongs = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
  };
  const auto length =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  return name;
}

}  // namespace bantam
