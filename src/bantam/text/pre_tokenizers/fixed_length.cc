// FixedLength: pieces of so many characters.
#include "bantam/text/json_fields.h"
#include "bantam/text/pre_tokenizers/step.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

class FixedLength : public Splitter {
 public:
  explicit FixedLength(std::int64_t length) : length_(length) {}

 private:
  void split(std::string_view text, Piece piece, std::vector<Piece>& out) const override {
    std::int64_t count = 0;
    for (std::uint32_t at = piece.begin; at < piece.end;) {
      const auto end = at + static_cast<std::uint32_t>(code_point_at(text, at).length);
      count++ % length_ == 0 ? out.push_back({at, end}) : void(out.back().end = end);
      at = end;
    }
  }

  std::int64_t length_;
};

}  // namespace

PreTokenizerStepPtr fixed_length_step(const Json& value) {
  return std::make_unique<FixedLength>(
      json_integer(value, "length", 1, 1 << 30, "pre_tokenizer: FixedLength"));
}

}  // namespace bantam
