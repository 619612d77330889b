// Hugging Face folders without tokenizer.json: the files that transformers' older tokenizers read,
// vocab.txt, vocab.json and merges.txt, and SentencePiece models that are numbered anew.
#pragma once

#include <memory>

#include "bantam/base/files.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// Whether the folder has the files of a kind that load_legacy_tokenizer() knows.
bool has_legacy_tokenizer(const Path& folder);

/// Which tokens go around a text is up to `tokenizer_class` of tokenizer_config.json or
/// config.json, else `model_type` of config.json. Null without such files. Throws Error(input)
/// naming file and line, token or key: a class that is not known, tokens that repeat, ids that
/// leave holes.
std::shared_ptr<const Tokenizer> load_legacy_tokenizer(const Path& folder);

/// Copies what load_legacy_tokenizer() reads of a folder into another, config.json excepted: for
/// vocabularies that no tokenizer.json can say (is_two_way).
void copy_legacy_tokenizer(const Path& from, const Path& to);

}  // namespace bantam
