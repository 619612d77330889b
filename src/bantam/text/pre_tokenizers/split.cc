// Split: cuts at the matches of a pattern. Also ByteLevel's own pattern.
#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/pre_tokenizers/behavior.h"
#include "bantam/text/pre_tokenizers/step.h"
#include "bantam/text/split_pattern.h"

namespace bantam {
namespace {

constexpr std::string_view part = "pre_tokenizer: Split";

class Split : public Splitter {
 public:
  Split(SplitPattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

 private:
  void split(std::string_view text, Piece piece, std::vector<Piece>& out) const override {
    thread_local std::vector<ByteRange> matches;
    matches.clear();
    pattern_.find_all(text.substr(piece.begin, piece.end - piece.begin), piece.begin, matches);
    cut(piece, matches, behavior_, invert_, out);
  }

  SplitPattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace

void Splitter::apply(PreTokenized& state) const {
  std::vector<Piece> next;
  next.reserve(state.pieces.size() * 2);
  for (const Piece& piece : state.pieces) {
    if (piece.fixed) {
      next.push_back(piece);
    } else {
      split(state.text.view(), piece, next);
    }
  }
  state.pieces.swap(next);
}

PreTokenizerStepPtr split_step(const Json& value) {
  const Json& pattern = json_member(value, "pattern");
  const Json& regex = json_member(pattern, "Regex");
  const Json& text = json_member(pattern, "String");
  if (!regex.is_string() && !text.is_string()) {
    throw input_error("{}: expected pattern {{\"Regex\": ...}} or {{\"String\": ...}}, found {}",
                      part, escaped(dump_json(pattern)));
  }
  return std::make_unique<Split>(regex.is_string() ? SplitPattern(regex.get<std::string>())
                                                   : SplitPattern::literal(text.get<std::string>()),
                                 split_behavior(json_member(value, "behavior"), part),
                                 json_flag(value, "invert", false, part));
}

PreTokenizerStepPtr gpt2_step() {
  constexpr std::string_view pattern =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  return std::make_unique<Split>(SplitPattern(pattern), SplitBehavior::isolated, false);
}

}  // namespace bantam
