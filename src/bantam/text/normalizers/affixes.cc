// Strip and Prepend: what happens at the ends of a text.
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

class Strip : public NormalizerStep {
 public:
  explicit Strip(const Json& value)
      : left_(json_flag(value, "strip_left", false, "normalizer: Strip")),
        right_(json_flag(value, "strip_right", false, "normalizer: Strip")) {}

  void apply(AlignedText& text) const override {
    const std::string_view view = text.view();
    std::size_t begin = 0, end = view.size();
    while (left_ && begin < end) {
      const CodePoint c = code_point_at(view, begin);
      if (!c.valid || !is_white_space(c.value)) break;
      begin += static_cast<std::size_t>(c.length);
    }
    while (right_ && end > begin) {
      const CodePoint c = code_point_before(view, end);
      if (!c.valid || !is_white_space(c.value)) break;
      end -= static_cast<std::size_t>(c.length);
    }
    TextEdit edit(text);
    edit.keep(begin, end);
    edit.store(text);
  }

 private:
  bool left_, right_;
};

class Prepend : public NormalizerStep {
 public:
  explicit Prepend(const Json& value)
      : text_(json_insertion(value, "prepend", "normalizer: Prepend")) {}

  void apply(AlignedText& text) const override {
    if (text.view().empty()) return;
    TextEdit edit(text);
    edit.insert_before(0, text_);
    edit.keep(0, text.view().size());
    edit.store(text);
  }

 private:
  std::string text_;
};

}  // namespace

NormalizerStepPtr strip(const Json& value) { return std::make_unique<Strip>(value); }
NormalizerStepPtr prepend(const Json& value) { return std::make_unique<Prepend>(value); }

}  // namespace bantam
