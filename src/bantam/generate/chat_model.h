// A model that answers: a local one here; endpoints and oracles answer through the same interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/generate/generator.h"
#include "bantam/text/chat_message.h"

namespace bantam {

struct ChatOptions {
  GenerateOptions generate;
  Json tools;                       ///< null or an array of OpenAI tool declarations
  Json variables = Json::object();  ///< for the template, such as {"enable_thinking": false}
  /// The answer as it comes, in whole characters: what it says to the user, and the thoughts before
  /// that. Tool calls are in the reply only.
  std::function<void(std::string_view)> on_text, on_thought;
  std::function<bool()> cancelled;  ///< asked between tokens
};

struct Reply {
  Message message;  ///< role assistant; thoughts and tool calls apart (text/response_format.h)
  FinishReason finish_reason = FinishReason::stop;
  bool context_full = false;
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double prompt_seconds = 0, seconds = 0;
};

class ChatModel {
 public:
  virtual ~ChatModel() = default;
  /// The answer to a conversation. A last message of the assistant is continued. Throws Error:
  /// refused when the model cannot chat, input when the conversation does not fit.
  virtual Reply chat(std::span<const Message> messages, const ChatOptions& options = {}) = 0;
  /// What people and records call it.
  virtual std::string name() const = 0;
};

/// A model of this process. Its keys and values of the last conversation stay: the next turn reads
/// only what is new.
class LocalChatModel : public ChatModel {
 public:
  /// Throws Error(refused) when the model's files carry no chat template.
  explicit LocalChatModel(LoadedModel model, const GeneratorOptions& options = {});
  Reply chat(std::span<const Message> messages, const ChatOptions& options = {}) override;
  std::string name() const override { return generator_.model().name; }
  Generator& generator() { return generator_; }

 private:
  Generator generator_;
};

}  // namespace bantam
