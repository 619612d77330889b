// How a model's files make one vector of a text: those that sentence-transformers writes beside a
// Hugging Face model, and GGUF's pooling type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/model/sentence_layers.h"
#include "bantam/model/text_encoder.h"

namespace bantam {

class GgufFile;
class GgufWriter;

/// What is not set was not stated.
struct SentenceSettings {
  std::optional<Pooling> pooling;
  std::vector<SentenceLayer> layers;  ///< between pooling and normalization, in this order
  std::optional<bool> normalize;
  std::optional<std::int64_t> longest;  ///< tokens of a text, special ones included
  std::string prompt;                   ///< stands in front of every text
};

/// "mean", "first", "last" or "max".
std::string_view pooling_name(Pooling pooling);
/// Nothing for another name.
std::optional<Pooling> pooling_named(std::string_view name);

/// modules.json and what it names, sentence_bert_config.json, config_sentence_transformers.json,
/// and the length that tokenizer_config.json states. Nothing is set in a folder without them.
/// Throws Error(input) naming file and key where they ask for something that would change the
/// vectors and is not known: a module after pooling other than Dense, LayerNorm and, at the end,
/// normalization; another kind of pooling or several at once.
SentenceSettings read_sentence_settings(const Path& folder);

/// ARCHITECTURE.pooling_type.
SentenceSettings sentence_settings_of(const GgufFile& file);

/// The files that sentence-transformers reads, for vectors of `width` features, if `settings` says
/// how to pool; nothing otherwise.
void write_sentence_settings(const SentenceSettings& settings, std::int64_t width,
                             const Path& folder);
/// ARCHITECTURE.pooling_type. Throws Error(input) for what the format has no place for.
void set_sentence_settings(const SentenceSettings& settings, std::string_view architecture,
                           GgufWriter& writer);

}  // namespace bantam
