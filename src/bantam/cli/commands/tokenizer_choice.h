// What the `tokenize` commands share: which tokenizer, and text from the command line or stdin.
#pragma once

#include <memory>
#include <string>

#include "bantam/base/options.h"
#include "bantam/cli/session.h"
#include "bantam/text/chat_template.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct TokenizerChoice {
  std::string model;
  std::string tokenizer;
};

template <>
inline void describe(Describer<TokenizerChoice>& d) {
  d(&TokenizerChoice::model, "model",
    "Use the tokenizer of this model; default: smollm2-135m-instruct.");
  d(&TokenizerChoice::tokenizer, "tokenizer",
    "Use this one instead: a tokenizer.json, or a folder, GGUF file or model name that has one.");
}

/// Of a tokenizer.json, a folder, a GGUF file or a model; "" is the default model.
std::shared_ptr<const Tokenizer> tokenizer_named(const std::string& reference);

/// Throws Error(usage) when both are given.
std::shared_ptr<const Tokenizer> load(const TokenizerChoice& choice);
/// The template of the model or of what --tokenizer names, or ChatML when it has none.
std::shared_ptr<const ChatTemplate> load_template(const TokenizerChoice& choice,
                                                  const Tokenizer& tokenizer);

/// The arguments joined by spaces, or all of stdin when there are none. Throws Error(input) over
/// 64 MiB.
std::string given_text(const Session& session);

}  // namespace bantam
