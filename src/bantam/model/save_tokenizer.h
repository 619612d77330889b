// The files of a tokenizer as Hugging Face folders hold them.
#pragma once

#include <cstdint>
#include <optional>

#include "bantam/base/files.h"
#include "bantam/text/chat_template.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// Writes tokenizer_config.json, special_tokens_map.json, chat_template.jinja if there is a
/// template, and last tokenizer.json into an existing folder; each complete or not at all.
/// `context`: the most tokens the model reads, if there is a model.
void save_tokenizer_files(const Tokenizer& tokenizer, const ChatTemplate* chat_template,
                          std::optional<std::int64_t> context, const Path& folder);

}  // namespace bantam
