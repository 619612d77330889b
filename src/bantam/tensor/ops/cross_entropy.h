// Token cross-entropy.
#pragma once

#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// Σ weights[t] * -log softmax(logits[t])[targets[t]]: logits [T, V], targets [T] i32, weights [T]
/// f32 -> []. The caller divides by the target tokens of the whole optimizer step.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& weights);

/// The same from hidden states [T, D] and the output head [V, D] (any type; gradient to it when
/// f32/f64 and wanted), without ever holding the logits of more than rows_of_logits_at_once(): each
/// chunk's gradient is formed while its logits are at hand. Rows with weight 0 are skipped. When
/// `token_losses` is given it receives the T unweighted losses (f32, 0 where skipped). Logits are
/// the scores of `form`.
Tensor linear_cross_entropy(const Tensor& hidden, const Tensor& head, const Tensor& targets,
                            const Tensor& weights, Tensor* token_losses = nullptr,
                            ScoreForm form = 1);
std::int64_t rows_of_logits_at_once(std::int64_t vocabulary);
/// While alive, on this thread, about so many logits are held at once: less memory, or fewer passes
/// over the head.
class LogitsAtOnce {
 public:
  explicit LogitsAtOnce(std::int64_t logits);
  ~LogitsAtOnce();
  LogitsAtOnce(const LogitsAtOnce&) = delete;
  LogitsAtOnce& operator=(const LogitsAtOnce&) = delete;

 private:
  std::int64_t previous_;
};
Tensor linear_cross_entropy_composed(const Tensor& hidden, const Tensor& head,
                                     const Tensor& targets, const Tensor& weights,
                                     ScoreForm form = 1);

}  // namespace bantam
