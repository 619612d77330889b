// When an answer ends, and what of its text may be shown before that is decided.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/text/stream_decoder.h"

namespace bantam {

/// The four words of completion files, and `cancelled` for an answer that its reader gave up.
enum class FinishReason { stop, length, constraint, tool, cancelled };
std::string_view name_of(FinishReason reason);

/// Finds stop strings in text that arrives in pieces. Nothing that may become part of one is given
/// out before that is decided, and nothing of one ever is.
class StopText {
 public:
  explicit StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  /// The text that may be shown after this piece. Nothing comes out once stopped.
  std::string push(std::string_view piece);
  /// What was held back, when no more text comes.
  std::string finish();
  /// The stop string that was found.
  const std::optional<std::string>& found() const { return found_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  std::optional<std::string> found_;
};

struct StopRules {
  std::vector<std::int32_t> end_tokens;  ///< sorted; their text is not shown
  std::vector<std::string> stops;
  std::int64_t max_tokens = 0;  ///< of the answer
  std::int64_t room = 0;        ///< tokens that fit into the context after the prompt
  std::vector<std::int32_t> shown_tokens = {};  ///< Request::shown_tokens
};

/// Watches one answer token by token. All texts it returns joined are the answer: valid UTF-8, and
/// without the stop string.
class Stopper {
 public:
  Stopper(std::shared_ptr<const Tokenizer> tokenizer, StopRules rules);
  std::string push(std::int32_t token);
  /// Ends the answer from outside and returns what was held back.
  std::string end(FinishReason reason);

  bool stopped() const { return reason_.has_value(); }
  FinishReason reason() const { return *reason_; }
  /// The stop string that ended the answer; "" if none did.
  std::string stop() const { return text_.found().value_or(""); }
  /// True when `length` means that the context is full rather than max_tokens reached.
  bool context_full() const { return context_full_; }

 private:
  StopRules rules_;
  StreamDecoder decoder_;
  StopText text_;
  std::int64_t tokens_ = 0;
  std::optional<FinishReason> reason_;
  bool context_full_ = false;
};

}  // namespace bantam
