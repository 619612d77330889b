#include "bantam/generate/encoder_passes.h"

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/text/model_inputs.h"

namespace bantam {
namespace {

constexpr std::int64_t kTextsPerChunk = 16;  // that a thread encodes at a time
constexpr std::int64_t kPassTokens = 2048;

Batch batch_of(std::span<const ModelInput> inputs, std::span<const std::size_t> places) {
  std::vector<std::vector<std::int32_t>> texts, types;
  for (const std::size_t place : places) {
    texts.push_back(inputs[place].ids);
    types.push_back(inputs[place].type_ids);
  }
  return make_encoder_batch(texts, types);
}

}  // namespace

EncodedTexts encode_texts(const Tokenizer& tokenizer, std::int64_t longest,
                          std::span<const TextToLabel> texts) {
  EncodedTexts encoded;
  encoded.inputs.resize(texts.size());
  std::vector<char> was_longer(texts.size());
  parallel_for(std::ssize(texts), kTextsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      encoded.inputs[i] = texts[i].pair.empty()
                              ? tokenizer.model_input(texts[i].text)
                              : tokenizer.model_input(texts[i].text, texts[i].pair);
      was_longer[i] = shorten(encoded.inputs[i], longest);
    }
  });
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (encoded.inputs[i].ids.empty()) {
      throw input_error("text {} has no token, so no label", i + 1);
    }
    if (was_longer[i]) encoded.truncated.push_back(i);
  }
  return encoded;
}

void run_in_passes(
    std::span<const ModelInput> inputs, ProgressSink& progress,
    const std::function<void(std::span<const std::size_t> places, const Batch& batch)>& each) {
  const Tape::Paused paused;
  const RoundActivations rounded(Rounding::passage);
  const std::vector<std::size_t> order = longest_first(inputs);
  ProgressPhase phase(progress, "Labelling", static_cast<double>(inputs.size()), "texts");
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, fmt::format("stopped after {} of {} texts", begin, inputs.size()));
    }
    std::int64_t tokens = 0;
    for (; end < order.size(); ++end) {
      tokens += std::ssize(inputs[order[end]].ids);
      if (end > begin && tokens > kPassTokens) break;
    }
    const auto places = std::span(order).subspan(begin, end - begin);
    each(places, batch_of(inputs, places));
    phase.advance(static_cast<double>(end));
  }
}

}  // namespace bantam
