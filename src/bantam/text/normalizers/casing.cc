// Lowercase, StripAccents and Nmt: characters that change or vanish one by one.
#include "bantam/text/normalizers/map_characters.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/reference_unicode.h"

namespace bantam {
namespace {

class Lowercase : public NormalizerStep {
 public:
  void apply(AlignedText& text) const override { lowercase_text(text); }
};

class StripAccents : public NormalizerStep {
 public:
  void apply(AlignedText& text) const override {
    map_characters(text, [](char32_t c, std::string& out) {
      if (!reference::is_combining_mark(c)) append_utf8(out, c);
    });
  }
};

class Nmt : public NormalizerStep {
 public:
  void apply(AlignedText& text) const override {
    map_characters(text, [](char32_t c, std::string& out) {
      if (is_removed(c)) return;
      append_utf8(out, is_space(c) ? U' ' : c);
    });
  }

 private:
  static bool is_removed(char32_t c) {
    return (c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
           c == 0x9F;
  }
  static bool is_space(char32_t c) {
    return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
  }
};

}  // namespace

void lowercase_text(AlignedText& text) {
  map_characters(text, [](char32_t c, std::string& out) {
    if (c == 0x130) {  // dotted capital I becomes i and a combining dot
      out += "i\xCC\x87";
    } else {
      append_utf8(out, reference::to_lower(c));
    }
  });
}

NormalizerStepPtr lowercase(const Json&) { return std::make_unique<Lowercase>(); }
NormalizerStepPtr strip_accents(const Json&) { return std::make_unique<StripAccents>(); }
NormalizerStepPtr nmt(const Json&) { return std::make_unique<Nmt>(); }

}  // namespace bantam
