// NFC, NFD, NFKC and NFKD, one starter with its marks at a time.
#include <utf8proc.h>

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/reference_unicode.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// Starters that can still join with the character before them (NFC_Quick_Check=Maybe with
/// combining class 0), and those that decompose into non-starters.
bool joins_previous(char32_t c) {
  if (c < 0x300) return false;
  if (combining_class(c) != 0) return true;
  if ((c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2)) return true;  // Hangul
  if ((c >= 0x3131 && c <= 0x318E) || (c >= 0xFFA0 && c <= 0xFFDC)) return true;  // Hangul in NFKC
  static constexpr char32_t others[] = {
      0x09BE, 0x09D7,  0x0B3E,  0x0B56,  0x0B57,  0x0BBE,  0x0BD7,  0x0CC2, 0x0CD5, 0x0CD6,
      0x0D3E, 0x0D57,  0x0DCF,  0x0DDF,  0x0F73,  0x0F75,  0x0F81,  0x102E, 0x1B35, 0xFF9E,
      0xFF9F, 0x1133E, 0x11357, 0x114B0, 0x114BA, 0x114BD, 0x115AF, 0x11930};
  return std::binary_search(std::begin(others), std::end(others), c);
}

/// A character and the bytes of the text that it was made from.
struct Letter {
  char32_t value;
  std::size_t begin, end;
};

bool is_compatible(UnicodeForm form) {
  return form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
}

void decompose(std::string_view text, std::size_t begin, std::size_t end, UnicodeForm form,
               std::vector<Letter>& letters) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                      (is_compatible(form) ? UTF8PROC_COMPAT : 0));
  for (std::size_t at = begin; at < end;) {
    const CodePoint c = code_point_at(text, at);
    const std::size_t next = at + static_cast<std::size_t>(c.length);
    utf8proc_int32_t buffer[32] = {static_cast<utf8proc_int32_t>(c.value)};
    utf8proc_ssize_t count = 1;
    if (!reference::decomposes_later(c.value, is_compatible(form))) {
      int boundary = 0;
      count = utf8proc_decompose_char(buffer[0], buffer, std::size(buffer), options, &boundary);
    }
    if (count < 0 || count > static_cast<utf8proc_ssize_t>(std::size(buffer))) {
      throw internal_error("normalizer: U+{:04X} does not decompose",
                           static_cast<unsigned>(c.value));
    }
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      letters.push_back({static_cast<char32_t>(buffer[i]), at, next});
    }
    at = next;
  }
}

/// Marks after one starter by their class; the places stay in order. utf8proc's own function sorts
/// by insertion, quadratic in the number of marks.
void sort_marks(std::vector<Letter>& letters) {
  const auto is_starter = [](const Letter& letter) { return combining_class(letter.value) == 0; };
  std::vector<char32_t> marks;
  for (auto at = letters.begin(); at != letters.end();) {
    if (is_starter(*at)) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, letters.end(), is_starter);
    marks.clear();
    for (auto mark = at; mark != end; ++mark) marks.push_back(mark->value);
    std::stable_sort(marks.begin(), marks.end(), [](char32_t a, char32_t b) {
      return combining_class(a) < combining_class(b);
    });
    for (const char32_t mark : marks) (at++)->value = mark;
  }
}

/// The one character that two compose to, or 0.
char32_t composed(char32_t first, char32_t second) {
  utf8proc_int32_t pair[] = {static_cast<utf8proc_int32_t>(first),
                             static_cast<utf8proc_int32_t>(second)};
  const auto length = utf8proc_normalize_utf32(
      pair, 2, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  return length == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

/// The canonical composition algorithm (Unicode 15, section 3.11, D117).
void compose(std::vector<Letter>& letters) {
  std::size_t kept = 0, starter = 0;
  bool has_starter = false;
  int last_class = -1;  // of what stands between the starter and the next letter; -1: nothing does
  for (const Letter& letter : letters) {
    const int own_class = combining_class(letter.value);
    if (has_starter && last_class < own_class) {
      Letter& base = letters[starter];
      if (const char32_t whole = composed(base.value, letter.value)) {
        base = {whole, std::min(base.begin, letter.begin), std::max(base.end, letter.end)};
        continue;
      }
    }
    if (own_class == 0) {
      starter = kept;
      has_starter = true;
    }
    last_class = own_class == 0 ? -1 : own_class;
    letters[kept++] = letter;
  }
  letters.resize(kept);
}

/// One starter with what follows it.
void normalize_segment(std::string_view text, std::size_t begin, std::size_t end, UnicodeForm form,
                       TextEdit& edit) {
  thread_local std::vector<Letter> letters;
  letters.clear();
  decompose(text, begin, end, form, letters);
  sort_marks(letters);
  if (form == UnicodeForm::nfc || form == UnicodeForm::nfkc) compose(letters);
  std::string out;
  for (const Letter& letter : letters) {
    out.clear();
    append_utf8(out, letter.value);
    edit.replace(letter.begin, letter.end, out);
  }
}

class UnicodeFormStep : public NormalizerStep {
 public:
  explicit UnicodeFormStep(UnicodeForm form) : form_(form) {}
  void apply(AlignedText& text) const override { normalize_unicode(text, form_); }

 private:
  UnicodeForm form_;
};

/// The end of the starter at `at` and of what may join with it.
std::size_t segment_end(std::string_view text, std::size_t at) {
  const CodePoint first = code_point_at(text, at);
  std::size_t end = at + static_cast<std::size_t>(first.length);
  while (first.valid && end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80) {
    const CodePoint next = code_point_at(text, end);
    if (!next.valid || !joins_previous(next.value)) break;
    end += static_cast<std::size_t>(next.length);
  }
  return end;
}

}  // namespace

void normalize_unicode(AlignedText& text, UnicodeForm form) {
  const std::string_view view = text.view();
  if (is_ascii(view)) return;
  TextEdit edit(text);
  for (std::size_t at = 0; at < view.size();) {
    const std::size_t end = segment_end(view, at);
    const bool plain = end == at + 1 || !code_point_at(view, at).valid;  // ASCII, or no text at all
    if (plain) {
      edit.keep(at, end);
    } else {
      normalize_segment(view, at, end, form, edit);
    }
    at = end;
  }
  edit.store(text);
}

NormalizerStepPtr unicode_form(const Json& value) {
  const std::string type = json_type(value, "normalizer");
  const UnicodeForm form = type == "NFC"    ? UnicodeForm::nfc
                           : type == "NFD"  ? UnicodeForm::nfd
                           : type == "NFKC" ? UnicodeForm::nfkc
                                            : UnicodeForm::nfkd;
  return std::make_unique<UnicodeFormStep>(form);
}

}  // namespace bantam
