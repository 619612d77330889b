#include "bantam/generate/chat_model.h"

#include "bantam/text/response_format.h"

namespace bantam {
namespace {

GeneratorOptions one_at_a_time(GeneratorOptions options) {
  options.max_batch = 1;
  return options;
}

/// Thoughts and tool calls are written with tokens that the text of a choice leaves out; an answer
/// that has neither is that text.
Message message_of(Choice& choice, const Rendered& prompt, const LoadedModel& model,
                   const Json& tools) {
  std::span<const std::int32_t> tokens = choice.tokens;
  if (choice.finish_reason == FinishReason::stop && choice.stop.empty() && !tokens.empty()) {
    tokens = tokens.first(tokens.size() - 1);  // the end token
  }
  const std::string whole =
      choice.stop.empty() ? model.tokenizer->decode(tokens, false) : choice.text;
  Message message =
      parse_response(whole, response_format_of(model.chat_template->source()), prompt.text, tools);
  if (message.reasoning_content.empty() && message.tool_calls.is_null()) {
    message.content = std::move(choice.text);
  }
  return message;
}

}  // namespace

LocalChatModel::LocalChatModel(LoadedModel model, const GeneratorOptions& options)
    : generator_(std::move(model), one_at_a_time(options)) {
  if (generator_.model().chat_template == nullptr) {
    throw refused_error(
        "{}: this model has no chat template, so it cannot chat; complete text with `bantam "
        "generate` instead",
        generator_.model().name);
  }
}

Reply LocalChatModel::chat(std::span<const Message> messages, const ChatOptions& options) {
  const LoadedModel& model = generator_.model();
  RenderOptions render;
  render.tools = options.tools;
  render.variables = options.variables;
  Request request;
  const Rendered prompt = render_prompt(*model.chat_template, *model.tokenizer, messages, render);
  request.prompt = prompt.ids;
  request.options = options.generate;
  request.options.n = 1;
  apply_generation_defaults(request.options, model.generation_defaults);
  request.stream = messages.size();  // another turn, another stream of noise

  GenerateHooks hooks;
  hooks.cancelled = options.cancelled;
  if (options.on_text) {
    hooks.on_text = [&](std::size_t, int, std::string_view text) { options.on_text(text); };
  }
  Completion completion = std::move(generator_.generate({&request, 1}, hooks).front());
  if (!completion.error.empty()) throw input_error("{}: {}", model.name, completion.error);
  Choice& choice = completion.choices.front();
  Reply reply;
  reply.message = message_of(choice, prompt, model, options.tools);
  reply.finish_reason = choice.finish_reason;
  reply.context_full = choice.context_full;
  reply.prompt_tokens = completion.prompt_tokens;
  reply.cached_tokens = completion.cached_tokens;
  reply.completion_tokens = static_cast<std::int64_t>(choice.tokens.size());
  reply.prompt_seconds = completion.prompt_seconds;
  reply.seconds = completion.seconds;
  return reply;
}

}  // namespace bantam
