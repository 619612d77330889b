// Properties of characters as the `tokenizers` library sees them. Its parts were built on different
// versions of Unicode (8, 9 and 17; ours is 15), and ids must not differ for it.
#pragma once

namespace bantam::reference {

bool is_combining_mark(char32_t c);   ///< Unicode 9: what StripAccents removes
bool is_nonspacing_mark(char32_t c);  ///< Unicode 8: what BertNormalizer takes for an accent
bool is_control(char32_t c);          ///< Unicode 8: Cc, Cf, Co, but not tab, LF and CR
bool is_punctuation(char32_t c);  ///< Unicode 8, and every visible ASCII that is no letter or digit
bool is_word(char32_t c);         ///< Unicode 17: \w
bool is_numeric(char32_t c);      ///< Unicode 17: Nd, Nl, No
char32_t to_lower(char32_t c);    ///< Unicode 17, except for U+0130, which becomes two
/// Without a decomposition in Unicode 9; later versions gave it one.
bool decomposes_later(char32_t c, bool compatible);

}  // namespace bantam::reference
