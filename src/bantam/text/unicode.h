// UTF-8 and the few properties of characters that tokenizers and templates ask for (Unicode 15,
// from utf8proc).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bantam {

struct CodePoint {
  char32_t value = 0xFFFD;
  int length =
      0;  ///< bytes; of an invalid sequence, its longest prefix that could begin a character
  bool valid = false;
  bool cut = false;  ///< invalid only because the text ends inside it
};
/// The character that begins at byte `at` < text.size(). Surrogates and overlong forms are invalid.
CodePoint code_point_at(std::string_view text, std::size_t at);
/// The character that ends just before byte `end` > 0, or no valid one.
CodePoint code_point_before(std::string_view text, std::size_t end);

void append_utf8(std::string& text, char32_t value);
bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);
/// Length of the longest valid prefix.
std::size_t valid_utf8_prefix(std::string_view text);
/// Each invalid sequence becomes one U+FFFD (as in Unicode 15, table 3-8: "maximal subparts").
std::string repair_utf8(std::string_view text);
/// Of valid UTF-8.
std::size_t count_code_points(std::string_view text);

/// Full case folding, for comparing without regard to case.
std::string fold_case(std::string_view text);
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

bool is_white_space(char32_t c);    ///< the property White_Space
bool is_numeric(char32_t c);        ///< categories Nd, Nl, No
bool is_decimal_digit(char32_t c);  ///< category Nd
bool is_letter(char32_t c);         ///< categories L*
bool is_word(char32_t c);           ///< letters, marks, digits, connector punctuation, joiners
bool is_ideograph(char32_t c);      ///< the CJK ideographs that BERT's normalizer sets apart
bool is_upper(char32_t c);
bool is_lower(char32_t c);

}  // namespace bantam
