#include "bantam/eval/perplexity.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/generate/cached_forward.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

struct WindowLoss {
  double nats = 0;
  std::int64_t tokens = 0, bytes = 0;
};

// The windows of one forward pass, through a store as answers go: what a model is worth includes
// what its stored keys and values are rounded to. Losses in order.
std::vector<WindowLoss> score_windows(const LoadedModel& model,
                                      std::span<const std::vector<std::int32_t>> windows,
                                      std::int64_t score_from) {
  const RoundActivations rounded(Rounding::passage);
  const Batch batch = make_batch(windows);
  const auto rows = static_cast<std::int64_t>(batch.tokens.size());
  const auto sequences = static_cast<std::int64_t>(windows.size());
  KvStore store(model.model->kv_shape(), rows + sequences * KvStore::kPageRows);
  std::vector<KvStore::Append> appends;
  for (const auto& window : windows) appends.push_back({store.new_sequence(), std::ssize(window)});
  const Tensor hidden =
      forward_cached(*model.model, store, store.extend(appends), batch.tokens, Rounding::passage);
  std::vector<std::int32_t> targets(batch.tokens.size(), 0);
  std::vector<float> weights(batch.tokens.size(), 0.0f);
  std::int64_t begin = 0;
  for (const auto& window : windows) {
    for (std::int64_t i = score_from; i + 1 < static_cast<std::int64_t>(window.size()); ++i) {
      targets[begin + i] = window[i + 1];
      weights[begin + i] = 1.0f;
    }
    begin += static_cast<std::int64_t>(window.size());
  }
  Tensor losses;
  linear_cross_entropy(hidden, model.model->head_weight(), Tensor::from(targets, {rows}),
                       Tensor::from(weights, {rows}), &losses, model.model->logit_form());
  std::vector<WindowLoss> out;
  begin = 0;
  for (const auto& window : windows) {
    WindowLoss loss;
    for (std::size_t i = 0; i < window.size(); ++i) {
      if (weights[begin + i] == 0) continue;
      loss.nats += losses.span<float>()[begin + i];
      loss.tokens += 1;
      loss.bytes +=
          static_cast<std::int64_t>(model.tokenizer->token_bytes(targets[begin + i]).size());
    }
    begin += static_cast<std::int64_t>(window.size());
    out.push_back(loss);
  }
  return out;
}

}  // namespace

Perplexity measure_perplexity(const LoadedModel& model, std::string_view text,
                              const PerplexityOptions& options) {
  if (options.window < 2 || options.score_from < 0 || options.score_from + 1 >= options.window) {
    throw usage_error(
        "perplexity: scoring from token {} of a window of {} leaves nothing; expected 0 <= from < "
        "window - 1",
        options.score_from, options.window);
  }
  const std::vector<std::int32_t> ids = model.tokenizer->encode(text).ids;
  auto count = static_cast<std::int64_t>(ids.size()) / options.window;
  if (options.limit_windows > 0) count = std::min(count, options.limit_windows);
  if (count == 0) {
    throw input_error("perplexity: the text has {} tokens; one window takes {}", ids.size(),
                      options.window);
  }
  ProgressPhase phase(*options.progress, "Measuring perplexity", static_cast<double>(count),
                      "windows");
  std::vector<WindowLoss> losses;
  // About a thousand tokens at a time keep the products large and the memory small.
  const std::int64_t together = std::max<std::int64_t>(1, 1024 / options.window);
  for (std::int64_t first = 0; first < count; first += together) {
    std::vector<std::vector<std::int32_t>> windows;
    for (std::int64_t w = first; w < std::min(count, first + together); ++w) {
      const auto begin = ids.begin() + w * options.window;
      windows.emplace_back(begin, begin + options.window);
      if (model.tokenizer->add_bos() && model.tokenizer->bos())
        windows.back().front() = *model.tokenizer->bos();
    }
    for (const WindowLoss& loss : score_windows(model, windows, options.score_from))
      losses.push_back(loss);
    phase.advance(static_cast<double>(losses.size()));
  }
  Perplexity result;
  result.windows = count;
  result.tokens = static_cast<std::int64_t>(ids.size());
  double nats = 0;
  std::int64_t bytes = 0;
  for (const WindowLoss& loss : losses) {
    nats += loss.nats;
    bytes += loss.bytes;
    result.scored_tokens += loss.tokens;
  }
  result.perplexity = std::exp(nats / static_cast<double>(result.scored_tokens));
  result.bits_per_byte =
      nats / std::numbers::ln2 / static_cast<double>(std::max<std::int64_t>(bytes, 1));
  result.interval =
      bootstrap_statistic(losses.size(), [&losses](std::span<const std::uint32_t> rows) {
        double sum = 0;
        std::int64_t tokens = 0;
        for (const std::uint32_t row : rows) {
          sum += losses[row].nats;
          tokens += losses[row].tokens;
        }
        return std::exp(sum / static_cast<double>(tokens));
      });
  return result;
}

}  // namespace bantam
