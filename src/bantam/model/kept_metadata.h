// What the files of a model say about it, and a GGUF file made from it keeps.
#pragma once

#include "bantam/base/files.h"
#include "bantam/model/gguf.h"

namespace bantam {

/// Of a GGUF file its keys, but for those that a writer states itself: of the architecture, the
/// tokenizer (other chat templates than the first stay), the parts of a split set, and how weights
/// were quantized. Of a Hugging Face folder what the head of its README.md says: license,
/// languages, tags and base models, under the keys that llama.cpp's converter gives them. Nothing
/// where `source` is neither, or not there any more.
GgufMetadata kept_metadata(const Path& source);

}  // namespace bantam
