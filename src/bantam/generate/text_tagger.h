// Tags for the words of texts and the entities that they spell, by an encoder with a token head.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/generate/encoder_passes.h"
#include "bantam/model/load_classifier.h"
#include "bantam/text/word_tags.h"

namespace bantam {

struct TextToTag {
  std::string text;
  std::vector<ByteRange> words;  ///< in order; as words_of() gives them, or another tokenization
};

/// One of each per word. A word has the tag of its first token; one whose token is that of a word
/// before it goes on with that word's label, and one that was not read is outside of all.
struct TaggedWords {
  std::vector<std::string> tags;
  std::vector<float> scores;  ///< probability of the tag; 0 for a word that was not read
};

struct TaggedTexts {
  std::vector<TaggedWords> texts;
  std::vector<std::size_t> truncated;  ///< places of texts longer than the model reads
};

/// Throws Interrupted on SIGINT.
TaggedTexts tag_texts(const LoadedClassifier& tagger, std::span<const TextToTag> texts,
                      ProgressSink& progress = silent_progress());

/// An entity of a text with words at `words`.
struct FoundEntity {
  ByteRange where;
  std::string label;
  float score = 0;  ///< mean over its words
};
std::vector<FoundEntity> entities_of(const TaggedWords& tagged, std::span<const ByteRange> words);

/// For each token of each input the place of its likeliest tag, and that tag's probability.
struct TokenTags {
  std::vector<std::int32_t> tags;
  std::vector<float> scores;
};
std::vector<TokenTags> tags_of_tokens(const EncoderModel& model, std::span<const ModelInput> inputs,
                                      ProgressSink& progress = silent_progress());

}  // namespace bantam
