#include "bantam/generate/cached_forward.h"

#include <algorithm>

#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"

namespace bantam {

Tensor forward_cached(const CausalLM& model, KvStore& store, KvStore::Step step,
                      std::vector<std::int32_t> tokens, Rounding rounding,
                      std::shared_ptr<const Source> source) {
  const Tape::Paused paused;
  const RoundActivations rounded(rounding);
  Batch batch{std::move(tokens), std::move(step.plan), std::move(step.rows)};
  if (source) {
    batch.source_rows.key_rows = static_cast<std::int32_t>(source->states.size(0));
    for (std::size_t token = 0; token < batch.tokens.size(); ++token) {
      batch.source_rows.push({{0, batch.source_rows.key_rows}});
    }
    batch.source = std::move(source);
  }
  return model.hidden(batch, &store);
}

std::int64_t passage_tokens(std::int64_t count, std::int64_t pending) {
  // As many rows take as long either way (measured).
  constexpr std::int64_t kLeast = 16;
  const std::int64_t rest = count % kPassageRun;
  return count < pending || rest >= kLeast ? count : count - rest;
}

Tensor logits_of_rows(const CausalLM& model, const Tensor& hidden,
                      std::span<const std::int32_t> rows) {
  const Tape::Paused paused;
  const RoundActivations rounded;
  const auto count = static_cast<std::int64_t>(rows.size());
  const Tensor chosen =
      count == hidden.size(0) ? hidden : index_rows(hidden, Tensor::from(rows, {count}));
  return contiguous(model.logits(chosen));
}

void append_step(KvStore::Step& step, const KvStore::Step& more) {
  AttentionPlan& plan = step.plan;
  const Visibility& added = more.plan.visibility;
  plan.positions.insert(plan.positions.end(), more.plan.positions.begin(),
                        more.plan.positions.end());
  plan.lengths.insert(plan.lengths.end(), more.plan.lengths.begin(), more.plan.lengths.end());
  const auto base = static_cast<std::int32_t>(plan.visibility.ranges.size());
  for (std::size_t i = 1; i < added.first.size(); ++i) {
    plan.visibility.first.push_back(base + added.first[i]);
  }
  plan.visibility.ranges.insert(plan.visibility.ranges.end(), added.ranges.begin(),
                                added.ranges.end());
  // The store may have grown in between; rows keep their numbers.
  plan.visibility.key_rows = std::max(plan.visibility.key_rows, added.key_rows);
  step.rows.insert(step.rows.end(), more.rows.begin(), more.rows.end());
}

std::size_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace bantam
