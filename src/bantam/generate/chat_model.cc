#include "bantam/generate/chat_model.h"

#include "bantam/text/response_stream.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

GeneratorOptions one_at_a_time(GeneratorOptions options) {
  options.max_batch = 1;
  return options;
}

/// Calls are written with more special tokens than the text of a choice has; an answer without
/// thoughts and calls is that text.
Message message_of(const Choice& choice, const ResponseFormat& format, const Rendered& prompt,
                   const LoadedModel& model, const Json& tools) {
  std::span<const std::int32_t> tokens = choice.tokens;
  if (choice.finish_reason == FinishReason::stop && choice.stop.empty() && !tokens.empty()) {
    tokens = tokens.first(tokens.size() - 1);  // the end token
  }
  const std::string whole =
      choice.stop.empty() ? repair_utf8(model.tokenizer->decode(tokens, false)) : choice.text;
  Message message = parse_response(whole, format, prompt.text, tools);
  if (!message.reasoning_content.empty() || !message.tool_calls.is_null()) return message;
  return parse_response(choice.text, format, prompt.text, tools);
}

std::vector<std::int32_t> marks_of(const ResponseFormat& format, const Tokenizer& tokenizer) {
  std::vector<std::int32_t> marks;
  for (std::int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.is_special(id) && is_written_with(format, tokenizer.token_bytes(id))) {
      marks.push_back(id);
    }
  }
  return marks;
}

void pass_on(const ResponseStream::Shown& shown, const ChatOptions& options) {
  if (!shown.thought.empty() && options.on_thought) options.on_thought(shown.thought);
  if (!shown.content.empty() && options.on_text) options.on_text(shown.content);
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
  const ResponseFormat& format = response_format_of(model.chat_template->source());
  request.shown_tokens = marks_of(format, *model.tokenizer);

  GenerateHooks hooks;
  hooks.cancelled = options.cancelled;
  ResponseStream stream(format, prompt.text);
  if (options.on_text || options.on_thought) {
    hooks.on_text = [&](std::size_t, int, std::string_view text) {
      pass_on(stream.push(text), options);
    };
  }
  Completion completion = std::move(generator_.generate({&request, 1}, hooks).front());
  if (!completion.error.empty()) throw input_error("{}: {}", model.name, completion.error);
  Choice& choice = completion.choices.front();
  Reply reply;
  reply.message = message_of(choice, format, prompt, model, options.tools);
  pass_on(stream.finish(reply.message), options);
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
