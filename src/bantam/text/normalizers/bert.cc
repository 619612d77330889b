// BertNormalizer: what BERT's own script did to a text before splitting it.
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/map_characters.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/reference_unicode.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view part = "normalizer: BertNormalizer";

class BertNormalizer : public NormalizerStep {
 public:
  explicit BertNormalizer(const Json& value)
      : clean_(json_flag(value, "clean_text", true, part)),
        space_chinese_(json_flag(value, "handle_chinese_chars", true, part)),
        lower_(json_flag(value, "lowercase", true, part)),
        strip_accents_(json_flag(value, "strip_accents", lower_, part)) {}

  void apply(AlignedText& text) const override {
    if (clean_) clean(text);
    if (space_chinese_) space_chinese(text);
    if (strip_accents_) {
      normalize_unicode(text, UnicodeForm::nfd);
      map_characters(text, [](char32_t c, std::string& out) {
        if (!reference::is_nonspacing_mark(c)) append_utf8(out, c);
      });
    }
    if (lower_) lowercase_text(text);
  }

 private:
  static void clean(AlignedText& text) {
    map_characters(text, [](char32_t c, std::string& out) {
      if (c == 0xFFFD || reference::is_control(c)) return;
      append_utf8(out, is_white_space(c) ? U' ' : c);
    });
  }

  static void space_chinese(AlignedText& text) {
    const std::string_view view = text.view();
    if (is_ascii(view)) return;
    TextEdit edit(text);
    for (std::size_t at = 0; at < view.size();) {
      const CodePoint c = code_point_at(view, at);
      const std::size_t end = at + static_cast<std::size_t>(c.length);
      const bool chinese = c.valid && is_ideograph(c.value);
      if (chinese) edit.insert_before(at, " ");
      edit.keep(at, end);
      if (chinese) edit.insert(" ");
      at = end;
    }
    edit.store(text);
  }

  bool clean_, space_chinese_, lower_, strip_accents_;
};

}  // namespace

NormalizerStepPtr bert_normalizer(const Json& value) {
  return std::make_unique<BertNormalizer>(value);
}

}  // namespace bantam
