// Precompiled: a charsmap applied as `tokenizers` does it, grapheme by grapheme, which is not quite
// what SentencePiece does (sentence_piece.cc).
#include <utf8proc.h>

#include "bantam/text/charsmap.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

/// The end of the extended grapheme cluster (UAX 29) that begins at `at`.
std::size_t grapheme_end(std::string_view text, std::size_t at) {
  CodePoint c = code_point_at(text, at);
  std::size_t end = at + static_cast<std::size_t>(c.length);
  utf8proc_int32_t state = 0;
  while (c.valid && end < text.size()) {
    const CodePoint next = code_point_at(text, end);
    if (!next.valid ||
        utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(c.value),
                                         static_cast<utf8proc_int32_t>(next.value), &state)) {
      break;
    }
    end += static_cast<std::size_t>(next.length);
    c = next;
  }
  return end;
}

class Precompiled : public NormalizerStep {
 public:
  explicit Precompiled(Charsmap map) : map_(std::move(map)) {}

  void apply(AlignedText& text) const override {
    // A grapheme as long as this is looked up character by character.
    constexpr std::size_t length_limit = 6;
    TextEdit edit(text);
    const std::string_view view = text.view();
    for (std::size_t at = 0; at < view.size();) {
      const std::size_t end = grapheme_end(view, at);
      if (end - at >= length_limit || !transform(view, at, end, edit)) {
        while (at < end) {
          const auto next = at + static_cast<std::size_t>(code_point_at(view, at).length);
          if (!transform(view, at, next, edit)) edit.keep(at, next);
          at = next;
        }
      }
      at = end;
    }
    edit.store(text);
  }

 private:
  /// Whatever the map has for the beginning of a chunk takes the place of the whole chunk.
  bool transform(std::string_view view, std::size_t begin, std::size_t end, TextEdit& edit) const {
    const auto match = map_.shortest(view.substr(begin, end - begin));
    if (match) edit.replace(begin, end, match->text);
    return match.has_value();
  }

  Charsmap map_;
};

}  // namespace

NormalizerStepPtr precompiled(const Json& value) {
  constexpr std::string_view part = "normalizer: Precompiled";
  return std::make_unique<Precompiled>(
      Charsmap(decode_base64(json_string(value, "precompiled_charsmap", part))));
}

}  // namespace bantam
