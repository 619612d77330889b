#include "bantam/generate/embedder.h"

#include <algorithm>
#include <cstring>

#include "bantam/base/threads.h"
#include "bantam/model/causal_lm.h"
#include "bantam/model/text_encoder.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/text/model_inputs.h"

namespace bantam {
namespace {

constexpr std::int64_t kTextsPerChunk = 16;  // that a thread encodes at a time

// A linear behind the layers leads back to the width of the embedding, in causal models only.
std::int64_t width_of_states(const DecoderConfig& config) {
  return config.embedding_width > 0 && !config.bidirectional ? config.embedding_width
                                                             : config.width;
}

void copy_rows(const Tensor& from, std::span<const std::size_t> rows, Tensor& to) {
  const Tensor source = contiguous(from);
  const auto width = static_cast<std::size_t>(source.size(1));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to.data<float>() + rows[i] * width, source.data<float>() + i * width,
                width * sizeof(float));
  }
}

}  // namespace

Embedder::Embedder(LoadedEncoder encoder, const EmbedderOptions& options)
    : encoder_(std::move(encoder)), step_tokens_(options.step_tokens) {
  const SentenceSettings& stated = encoder_.sentences;
  const DecoderConfig& config = encoder_.model->config();
  const Pooling usual = config.bidirectional ? Pooling::mean : Pooling::last;
  pooling_ = options.pooling.value_or(stated.pooling.value_or(usual));
  normalize_ = options.normalize.value_or(stated.normalize.value_or(false));
  prompt_ = options.prompt.value_or(stated.prompt);
  if (options.longest && (*options.longest < 1 || *options.longest > config.context)) {
    throw usage_error("tokens of a text: expected 1 to {} for {}, found {}",
                      with_commas(config.context), encoder_.name, with_commas(*options.longest));
  }
  width_ = width_behind(stated.layers, width_of_states(config));
  longest_ =
      std::min(options.longest.value_or(stated.longest.value_or(config.context)), config.context);
}

ModelInput Embedder::read(const std::string& text) const {
  return encoder_.tokenizer->model_input(prompt_.empty() ? text : prompt_ + text);
}

Tensor Embedder::vectors_of(std::span<const ModelInput* const> inputs) const {
  std::vector<std::vector<std::int32_t>> ids, types;
  std::vector<std::int64_t> lengths;
  for (const ModelInput* input : inputs) {
    ids.push_back(input->ids);
    types.push_back(input->type_ids);
    lengths.push_back(std::ssize(input->ids));
  }
  const Transformer& model = *encoder_.model;
  const Batch batch =
      model.config().bidirectional ? make_encoder_batch(ids, types) : make_batch(ids);
  Tensor vectors = TextEncoder::pooled(model.hidden(batch), lengths, pooling_, false);
  for (const SentenceLayer& layer : encoder_.sentences.layers) vectors = layer.forward(vectors);
  return normalize_ ? unit_rows(vectors) : vectors;
}

Embeddings Embedder::embed(std::span<const std::string> texts, ProgressSink& progress) const {
  std::vector<ModelInput> inputs(texts.size());
  std::vector<char> was_longer(texts.size());
  parallel_for(std::ssize(texts), kTextsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      inputs[i] = read(texts[i]);
      was_longer[i] = shorten(inputs[i], longest_);
    }
  });
  Embeddings result;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].ids.empty()) throw input_error("text {} has no token, so no vector", i + 1);
    result.tokens.push_back(std::ssize(inputs[i].ids));
    if (was_longer[i]) result.truncated.push_back(i);
  }
  result.vectors = Tensor::empty({std::ssize(texts), width()});

  const Tape::Paused paused;
  const RoundActivations rounded(Rounding::passage);
  const std::vector<std::size_t> order = longest_first(inputs);
  ProgressPhase phase(progress, "Embedding", static_cast<double>(texts.size()), "texts");
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, fmt::format("stopped after {} of {} texts", begin, texts.size()));
    }
    std::vector<const ModelInput*> step;
    std::int64_t tokens = 0;
    for (; end < order.size(); ++end) {
      const ModelInput& next = inputs[order[end]];
      tokens += std::ssize(next.ids);
      if (!step.empty() && tokens > step_tokens_) break;
      step.push_back(&next);
    }
    copy_rows(vectors_of(step), std::span(order).subspan(begin, end - begin), result.vectors);
    phase.advance(static_cast<double>(end));
  }
  if (!all_finite(result.vectors)) {
    throw input_error("{}: vectors are not finite; the weights are damaged", encoder_.name);
  }
  return result;
}

Tensor cosine_similarities(const Tensor& x) {
  const Tensor rows = unit_rows(x);
  return matmul(rows, transpose(rows, 0, 1));
}

}  // namespace bantam
