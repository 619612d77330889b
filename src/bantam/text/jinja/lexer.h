// Cuts a template into tokens, with the white-space rules of trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bantam::jinja {

struct Token {
  enum class Kind {
    data,            // text to print
    variable_begin,  // {{
    variable_end,
    block_begin,  // {%
    block_end,
    name,
    string,  // value: with escapes resolved
    integer,
    real,
    op,  // value: the operator's characters
    end,
  };
  Kind kind;
  std::string value;
  int line;
};

/// Throws Error(input) naming the line.
std::vector<Token> tokenize(std::string_view source);

/// Python's str.isspace for one character.
bool is_python_space(char32_t c);
/// Bytes of the text that remain when such characters are taken from its end or start.
std::size_t stripped_end(std::string_view text);
std::size_t stripped_begin(std::string_view text);

}  // namespace bantam::jinja
