#include "bantam/generate/stopper.h"

#include <algorithm>

namespace bantam {

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::constraint:
      return "constraint";
    case FinishReason::tool:
      return "tool";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "";
}

std::string StopText::push(std::string_view piece) {
  if (found_) return "";
  held_ += piece;
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t at = stop.empty() ? std::string::npos : held_.find(stop);
    if (at < first) {
      first = at;
      found_ = stop;
    }
  }
  if (found_) {
    std::string shown = held_.substr(0, first);
    held_.clear();
    return shown;
  }
  // The longest end of the text that a stop string begins with is not decided yet.
  std::size_t undecided = 0;
  for (const std::string& stop : stops_) {
    const std::size_t longest = std::min(held_.size(), stop.empty() ? 0 : stop.size() - 1);
    for (std::size_t length = longest; length > undecided; --length) {
      if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, length))) {
        undecided = length;
        break;
      }
    }
  }
  std::string shown = held_.substr(0, held_.size() - undecided);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopText::finish() { return std::exchange(held_, {}); }

Stopper::Stopper(std::shared_ptr<const Tokenizer> tokenizer, StopRules rules)
    : rules_(std::move(rules)),
      decoder_(std::move(tokenizer), true, rules_.shown_tokens),
      text_(rules_.stops) {}

std::string Stopper::push(std::int32_t token) {
  ++tokens_;
  if (std::ranges::binary_search(rules_.end_tokens, token)) return end(FinishReason::stop);
  std::string shown = text_.push(decoder_.push(token));
  if (text_.found()) {
    reason_ = FinishReason::stop;
    return shown;
  }
  if (tokens_ >= std::min(rules_.max_tokens, rules_.room)) {
    context_full_ = rules_.room < rules_.max_tokens;
    shown += end(FinishReason::length);
  }
  return shown;
}

std::string Stopper::end(FinishReason reason) {
  reason_ = reason;
  // The last bytes may complete a stop string, or be half a character.
  std::string rest = text_.push(decoder_.finish());
  if (text_.found()) {
    reason_ = FinishReason::stop;
    return rest;
  }
  return rest + text_.finish();
}

}  // namespace bantam
