// Replace: every match of a text or of a pattern becomes one text.
#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/split_pattern.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view part = "normalizer: Replace";

class ReplaceText : public NormalizerStep {
 public:
  ReplaceText(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {
    if (pattern_.empty()) throw input_error("{}: expected a pattern, found an empty one", part);
  }

  void apply(AlignedText& text) const override {
    TextEdit edit(text);
    const std::string_view view = text.view();
    std::size_t at = 0;
    for (;;) {
      const std::size_t found = view.find(pattern_, at);
      if (found == std::string_view::npos) break;
      edit.keep(at, found);
      at = found + pattern_.size();
      edit.replace(found, at, content_);
    }
    edit.keep(at, view.size());
    edit.store(text);
  }

 private:
  std::string pattern_, content_;
};

class ReplacePattern : public NormalizerStep {
 public:
  ReplacePattern(std::string_view pattern, std::string content)
      : pattern_(pattern), content_(std::move(content)) {}

  void apply(AlignedText& text) const override {
    TextEdit edit(text);
    const std::string_view view = text.view();
    std::vector<ByteRange> matches;
    std::size_t kept = 0;
    for (std::size_t at = 0; at < view.size();) {  // stretches of valid UTF-8
      const std::size_t valid = valid_utf8_prefix(view.substr(at));
      if (valid > 0) {
        pattern_.find_all(view.substr(at, valid), static_cast<std::uint32_t>(at), matches);
      }
      at += valid;
      if (at < view.size()) at += static_cast<std::size_t>(code_point_at(view, at).length);
    }
    for (const auto& [begin, end] : matches) {
      edit.keep(kept, begin);
      edit.replace(begin, end, content_);
      kept = end;
    }
    edit.keep(kept, view.size());
    edit.store(text);
  }

 private:
  SplitPattern pattern_;
  std::string content_;
};

}  // namespace

NormalizerStepPtr replace(const Json& value) {
  const Json& pattern = json_member(value, "pattern");
  std::string content = json_insertion(value, "content", part);
  if (!json_member(pattern, "String").is_null()) {
    return std::make_unique<ReplaceText>(json_string(pattern, "String", part), std::move(content));
  }
  if (!json_member(pattern, "Regex").is_null()) {
    return std::make_unique<ReplacePattern>(json_string(pattern, "Regex", part),
                                            std::move(content));
  }
  throw input_error("{}: pattern: expected {{\"String\": ...}} or {{\"Regex\": ...}}, found {}",
                    part, escaped(dump_json(pattern)));
}

}  // namespace bantam
