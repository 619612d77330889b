#include "bantam/text/pre_tokenizers/behavior.h"

#include "bantam/base/error.h"

namespace bantam {
namespace {

class Cutter {
 public:
  Cutter(SplitBehavior behavior, std::vector<Piece>& out)
      : behavior_(behavior), out_(out), first_(out.size()) {}

  void add(std::uint32_t begin, std::uint32_t end, bool matched) {
    if (begin == end) return;
    if (!(matched && behavior_ == SplitBehavior::removed)) {
      joins_last(matched) ? void(out_.back().end = end) : out_.push_back({begin, end});
    }
    last_matched_ = matched;
  }

 private:
  bool joins_last(bool matched) const {
    if (out_.size() == first_) return false;
    switch (behavior_) {
      case SplitBehavior::isolated:
      case SplitBehavior::removed:
        return false;
      case SplitBehavior::contiguous:
        return matched == last_matched_;
      case SplitBehavior::merged_with_previous:
        return matched && !last_matched_;
      case SplitBehavior::merged_with_next:
        return !matched && last_matched_;
    }
    return false;
  }

  SplitBehavior behavior_;
  std::vector<Piece>& out_;
  std::size_t first_;
  bool last_matched_ = false;
};

}  // namespace

SplitBehavior split_behavior(const Json& value, std::string_view part) {
  static constexpr std::pair<std::string_view, SplitBehavior> names[] = {
      {"Isolated", SplitBehavior::isolated},
      {"Removed", SplitBehavior::removed},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  for (const auto& [name, behavior] : names) {
    if (value == Json(name)) return behavior;
  }
  throw input_error("{}: behavior {} is unknown", part, escaped(dump_json(value)));
}

void cut(Piece piece, std::span<const ByteRange> matches, SplitBehavior behavior, bool invert,
         std::vector<Piece>& out) {
  Cutter cutter(behavior, out);
  std::uint32_t at = piece.begin;
  for (const auto& [begin, end] : matches) {
    cutter.add(at, begin, invert);
    cutter.add(begin, end, !invert);
    at = end;
  }
  cutter.add(at, piece.end, invert);
}

}  // namespace bantam
