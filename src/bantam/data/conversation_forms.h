// Conversations in the forms that other projects write, as messages.
#pragma once

#include <string>
#include <vector>

#include "bantam/data/field_reader.h"
#include "bantam/text/chat_message.h"

namespace bantam {

/// A list of OpenAI messages. Throws Error(input) naming index, key, allowed roles; `field` is the
/// list's name.
std::vector<Message> messages_from_openai(const Json& list, std::string_view field);

/// ShareGPT: [{from, value}], from human|user, gpt|assistant|chatgpt|bard|bing, system,
/// tool|observation| function_response, function_call (its value is the call), thought (becomes the
/// next turn's reasoning).
std::vector<Message> messages_from_sharegpt(const Json& list, std::string_view field);

/// Alpaca with `system` or `history` ([[user, assistant], ...]) beside instruction, input and
/// output. Takes those fields.
std::vector<Message> messages_from_alpaca(FieldReader& fields, bool require_answers);

/// instruction, and below it input when there is one.
std::string take_alpaca_prompt(FieldReader& fields);

}  // namespace bantam
