#include "bantam/generate/text_classifier.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/text/model_inputs.h"

namespace bantam {
namespace {

constexpr std::int64_t kTextsPerChunk = 16;  // that a thread encodes at a time
constexpr std::int64_t kStepTokens = 2048;   // of one pass through the model

Batch batch_of(std::span<const ModelInput> inputs, std::span<const std::size_t> places) {
  std::vector<std::vector<std::int32_t>> texts, types;
  for (const std::size_t place : places) {
    texts.push_back(inputs[place].ids);
    types.push_back(inputs[place].type_ids);
  }
  return make_encoder_batch(texts, types);
}

}  // namespace

void require_classes(const EncoderModel& model, const std::string& name) {
  const std::string& problem = model.head().config.problem_type;
  if (model.labels().size() > 1 && problem != "multi_label_classification") return;
  throw input_error("{}: expected a head whose labels exclude each other, found {}", name,
                    model.labels().size() == 1 ? "one that gives a number (regression)" : problem);
}

Tensor class_probabilities(const EncoderModel& model, std::span<const ModelInput> inputs,
                           ProgressSink& progress) {
  const Tape::Paused paused;
  const RoundActivations rounded;
  const auto classes = model.labels().size();
  Tensor all = Tensor::empty({std::ssize(inputs), static_cast<std::int64_t>(classes)});
  const std::vector<std::size_t> order = longest_first(inputs);
  ProgressPhase phase(progress, "Labelling", static_cast<double>(inputs.size()), "texts");
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, fmt::format("stopped after {} of {} texts", begin, inputs.size()));
    }
    std::int64_t tokens = 0;
    for (; end < order.size(); ++end) {
      tokens += std::ssize(inputs[order[end]].ids);
      if (end > begin && tokens > kStepTokens) break;
    }
    const auto places = std::span(order).subspan(begin, end - begin);
    const Tensor found = softmax(model.logits(batch_of(inputs, places)));
    for (std::size_t i = 0; i < places.size(); ++i) {
      std::copy_n(found.data<float>() + i * classes, classes,
                  all.data<float>() + places[i] * classes);
    }
    phase.advance(static_cast<double>(end));
  }
  return all;
}

ClassifiedTexts classify_texts(const LoadedClassifier& classifier,
                               std::span<const TextToLabel> texts, ProgressSink& progress) {
  require_classes(*classifier.model, classifier.name);
  std::vector<ModelInput> inputs(texts.size());
  std::vector<char> was_longer(texts.size());
  parallel_for(std::ssize(texts), kTextsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const Tokenizer& tokenizer = *classifier.tokenizer;
      inputs[i] = texts[i].pair.empty() ? tokenizer.model_input(texts[i].text)
                                        : tokenizer.model_input(texts[i].text, texts[i].pair);
      was_longer[i] = shorten(inputs[i], classifier.longest);
    }
  });
  ClassifiedTexts result;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].ids.empty()) throw input_error("text {} has no token, so no label", i + 1);
    if (was_longer[i]) result.truncated.push_back(i);
  }
  result.probabilities = class_probabilities(*classifier.model, inputs, progress);
  return result;
}

}  // namespace bantam
