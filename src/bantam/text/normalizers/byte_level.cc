// ByteLevel as a normalizer: every byte becomes its character of the byte-level alphabet.
#include "bantam/text/byte_level.h"

#include "bantam/text/normalizers/step.h"

namespace bantam {
namespace {

class ByteLevelNormalizer : public NormalizerStep {
 public:
  void apply(AlignedText& text) const override {
    TextEdit edit(text);
    const std::string_view view = text.view();
    for (std::size_t at = 0; at < view.size(); ++at) {
      edit.replace(at, at + 1, byte_level_character(static_cast<unsigned char>(view[at])));
    }
    edit.store(text);
  }
};

}  // namespace

NormalizerStepPtr byte_level_normalizer(const Json&) {
  return std::make_unique<ByteLevelNormalizer>();
}

}  // namespace bantam
