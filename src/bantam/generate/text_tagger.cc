#include "bantam/generate/text_tagger.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

TaggedWords tags_of_words(const ModelInput& input, const TokenTags& found,
                          std::span<const ByteRange> words, std::span<const std::string> tags) {
  TaggedWords tagged;
  for (const WordToken& word : first_tokens(input, words)) {
    if (word.token < 0) {
      tagged.tags.emplace_back(kOutsideTag);
      tagged.scores.push_back(0);
      continue;
    }
    const auto token = static_cast<std::size_t>(word.token);
    const std::string& tag = tags[static_cast<std::size_t>(found.tags[token])];
    tagged.tags.push_back(word.is_own ? tag : continuing_tag(tag));
    tagged.scores.push_back(found.scores[token]);
  }
  return tagged;
}

}  // namespace

std::vector<TokenTags> tags_of_tokens(const EncoderModel& model, std::span<const ModelInput> inputs,
                                      ProgressSink& progress) {
  std::vector<TokenTags> all(inputs.size());
  run_in_passes(inputs, progress, [&](std::span<const std::size_t> places, const Batch& batch) {
    const Tensor probabilities = softmax(model.logits(batch));
    const Tensor likeliest = argmax(probabilities, 1), highest = max(probabilities, 1);
    const std::int32_t* tag = likeliest.data<std::int32_t>();
    const float* score = highest.data<float>();
    for (const std::size_t place : places) {
      const std::size_t tokens = inputs[place].ids.size();
      all[place].tags.assign(tag, tag + tokens);
      all[place].scores.assign(score, score + tokens);
      tag += tokens;
      score += tokens;
    }
  });
  return all;
}

TaggedTexts tag_texts(const LoadedClassifier& tagger, std::span<const TextToTag> texts,
                      ProgressSink& progress) {
  std::vector<TextToLabel> whole;
  for (const TextToTag& text : texts) whole.push_back({text.text, ""});
  EncodedTexts encoded = encode_texts(*tagger.tokenizer, tagger.longest, whole);
  const auto found = tags_of_tokens(*tagger.model, encoded.inputs, progress);
  TaggedTexts result;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    result.texts.push_back(
        tags_of_words(encoded.inputs[i], found[i], texts[i].words, tagger.model->labels()));
  }
  result.truncated = std::move(encoded.truncated);
  return result;
}

std::vector<FoundEntity> entities_of(const TaggedWords& tagged, std::span<const ByteRange> words) {
  std::vector<FoundEntity> found;
  for (Entity& entity : entities_of(tagged.tags)) {
    float sum = 0;
    for (std::size_t word = entity.begin; word < entity.end; ++word) sum += tagged.scores[word];
    found.push_back({{words[entity.begin].first, words[entity.end - 1].second},
                     std::move(entity.label),
                     sum / static_cast<float>(entity.end - entity.begin)});
  }
  return found;
}

}  // namespace bantam
