// A GGUF file of the tiny random model, for commands that need a model.
#pragma once

#include <string>

#include "bantam/model/save_model.h"
#include "tests/generate/tiny_model.h"

namespace bantam {

inline std::string write_tiny_model(const Path& folder) {
  LoadedModel loaded = tiny_loaded();
  loaded.chat_template = ChatTemplate::built_in("chatml", special_texts(*loaded.tokenizer));
  const Path file = folder / "tiny.gguf";
  save_gguf(loaded, file, DType::f32);
  return file.string();
}

}  // namespace bantam
