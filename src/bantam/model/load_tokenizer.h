// The tokenizer and the chat template that come with a model, from either kind of file.
#pragma once

#include <memory>

#include "bantam/base/files.h"
#include "bantam/text/chat_template.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

class GgufFile;

/// `model` is a GGUF file or a folder with tokenizer.json or, without one, tokenizer.model or the
/// files of an older tokenizer (legacy/legacy_tokenizer.h). Throws Error(input) naming file and
/// key, token or id: a kind of tokenizer that is not known, special ids past the vocabulary (G18).
std::shared_ptr<const Tokenizer> load_tokenizer(const Path& model);
/// Whether a folder has any of these files.
bool has_tokenizer(const Path& folder);
std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file);

/// Null when the model has none. In a folder: chat_template.jinja, else "chat_template" of
/// tokenizer_config.json (of several, the one named default).
std::shared_ptr<const ChatTemplate> load_chat_template(const Path& model,
                                                       const Tokenizer& tokenizer);
std::shared_ptr<const ChatTemplate> chat_template_of(const GgufFile& file,
                                                     const Tokenizer& tokenizer);

}  // namespace bantam
