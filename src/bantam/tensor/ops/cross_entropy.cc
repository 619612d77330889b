#include "bantam/tensor/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/cpu/loops.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/embedding.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/ops/operands.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

// Logits held at once, 96 MiB of f32: the more rows, the less often the head is packed for its
// products. And the fewest rows, whatever the vocabulary: enough to fill the cores.
thread_local std::int64_t logits_at_once = std::int64_t{24} << 20;
constexpr std::int64_t kFewestRowsAtOnce = 64;

void require_targets(std::string_view op, std::int64_t rows, std::int64_t vocabulary,
                     const Tensor& targets, const Tensor& weights) {
  require_indices(op, targets);
  if (weights.dtype() != DType::f32 || weights.rank() != 1 || targets.size(0) != rows ||
      weights.size(0) != rows) {
    throw input_error("{}: expected {} targets (i32) and {} weights (f32), found {} and {} {}", op,
                      rows, rows, targets.shape().text(), weights.shape().text(),
                      info(weights.dtype()).name);
  }
  if (!targets.is_contiguous() || !weights.is_contiguous())
    throw input_error("{}: targets and weights must be contiguous", op);
  record_constant(op, {weights}, weights);  // no gradient flows to the weights, and none is lost
  const std::int32_t* target = targets.data<std::int32_t>();
  const float* weight = weights.data<float>();
  for (std::int64_t t = 0; t < rows; ++t) {
    if (weight[t] != 0 && (target[t] < 0 || target[t] >= vocabulary)) {
      throw input_error("{}: target {} at position {} is outside 0 … {}", op, target[t], t,
                        vocabulary - 1);
    }
  }
}

std::vector<std::int32_t> rows_with_weight(const Tensor& weights) {
  std::vector<std::int32_t> rows;
  const float* weight = weights.data<float>();
  for (std::int64_t t = 0; t < weights.count(); ++t) {
    if (weight[t] != 0) rows.push_back(static_cast<std::int32_t>(t));
  }
  return rows;
}

// logits := weight * (softmax(logits) - one-hot(target)), a row of the loss's gradient; returns
// the row's log Σ exp. One pass of exponentials serves both.
template <class T>
double to_gradient_row(T* logits, std::int64_t width, std::int32_t target, T weight) {
  const T largest = cpu::max_row(logits, width);
  const double sum = cpu::exp_and_sum_row(logits, largest, logits, width);
  const auto factor = static_cast<T>(weight / sum);
  for (std::int64_t i = 0; i < width; ++i) logits[i] *= factor;
  logits[target] -= weight;
  return largest + std::log(sum);
}

// A row of products becomes one of logits.
template <class T>
void form_row(ScoreForm form, T* row, std::int64_t width) {
  if (form.scale != 1) {
    for (std::int64_t i = 0; i < width; ++i) row[i] *= static_cast<T>(form.scale);
  }
  if (!form.capped()) return;
  const auto cap = static_cast<T>(form.softcap);
  for (std::int64_t i = 0; i < width; ++i) row[i] = cap * std::tanh(row[i] / cap);
}

// A row of the gradient of logits becomes that of products.
template <class T>
void to_product_gradient_row(ScoreForm form, const std::vector<T>& logits, T* gradient) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const T share = form.capped() ? logits[i] / static_cast<T>(form.softcap) : T{0};
    gradient[i] *= static_cast<T>(form.scale) * (1 - share * share);
  }
}

// What one pass over the target rows gives: everything for a loss gradient of 1.
struct Pass {
  double loss = 0;
  Tensor d_hidden, d_head, token_losses;  ///< undefined where not wanted
};

// Entries of the gradient of logits at the targets, one a row, multiplied apart from the others.
// Each is as large as all others of its row together: in a product of bytes it would share a scale
// with neighbors and round them to zero, and nothing would lower what a token wins as a target
// elsewhere.
class TargetEntries {
 public:
  void add(std::int32_t target, float value) {
    targets_.push_back(target);
    values_.push_back(value);
  }

  /// d_head [V, D] += for each row its entry times hidden [rows, D].
  void add_head_gradient(const Tensor& hidden, Tensor& d_head) const {
    const std::int64_t width = d_head.size(1);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      add_scaled(values_[i], hidden.data<float>() + static_cast<std::int64_t>(i) * width, width,
                 d_head.data<float>() + targets_[i] * width);
    }
  }

  /// d_hidden [rows, D] += for each row its entry times the target's row of the head [V, D].
  void add_input_gradient(const Tensor& head, Tensor& d_hidden) const {
    if (targets_.empty()) return;
    const std::int64_t width = head.size(1);
    const Tensor of_targets = embedding(head, Tensor::from(targets_, {std::ssize(targets_)}));
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i) * width;
      add_scaled(values_[i], of_targets.data<float>() + at, width, d_hidden.data<float>() + at);
    }
  }

 private:
  static void add_scaled(float factor, const float* x, std::int64_t count, float* sum) {
    for (std::int64_t i = 0; i < count; ++i) sum[i] += factor * x[i];
  }

  std::vector<std::int32_t> targets_;
  std::vector<float> values_;
};

template <class T>
class LossPass {
 public:
  LossPass(const Tensor& hidden, const Tensor& head, const Tensor& targets, const Tensor& weights,
           ScoreForm form)
      : hidden_(hidden),
        head_(head),
        form_(form),
        target_(targets.data<std::int32_t>()),
        weight_(weights.data<float>()) {}

  Pass run(const std::vector<std::int32_t>& rows, bool wants_hidden, bool wants_head,
           bool wants_token_losses) {
    if (wants_hidden) pass_.d_hidden = Tensor::zeros(hidden_.shape(), hidden_.dtype());
    wants_head_ = wants_head;
    if (wants_token_losses) pass_.token_losses = Tensor::zeros({hidden_.size(0)});
    const auto most = static_cast<std::size_t>(rows_of_logits_at_once(head_.size(0)));
    const std::size_t chunks = std::max<std::size_t>((rows.size() + most - 1) / most, 1);
    const std::size_t at_once = (rows.size() + chunks - 1) / chunks;
    for (std::size_t first = 0; first < rows.size(); first += at_once) {
      const std::size_t count = std::min(at_once, rows.size() - first);
      chunk(std::span(rows).subspan(first, count));
    }
    if (wants_head && rows.empty()) pass_.d_head = Tensor::zeros(head_.shape(), head_.dtype());
    return std::move(pass_);
  }

 private:
  void chunk(std::span<const std::int32_t> rows) {
    const Tensor part = index_rows(hidden_, Tensor::from(rows, {std::ssize(rows)}));
    const bool rounded = multiplies_rounded(part, head_);
    Tensor logits = linear(part, head_);
    score(rows, logits);
    const bool rounds_gradient =
        std::is_same_v<T, float> && gradient_precision() == MatmulPrecision::i8;
    const TargetEntries apart = rounds_gradient ? take_targets(rows, logits) : TargetEntries();
    if (wants_head_) {
      add_head_gradient(logits, part);
      apart.add_head_gradient(part, pass_.d_head);
    }
    if (!pass_.d_hidden.defined()) return;
    Tensor gradient = linear_input_gradient(logits, head_, rounded);
    apart.add_input_gradient(head_, gradient);
    const std::int64_t width = hidden_.size(1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(gradient.data<T>() + static_cast<std::int64_t>(i) * width, width,
                  pass_.d_hidden.template data<T>() + rows[i] * width);
    }
  }

  TargetEntries take_targets(std::span<const std::int32_t> rows, Tensor& d_logits) const {
    TargetEntries taken;
    const std::int64_t width = head_.size(0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int32_t target = target_[rows[i]];
      T& entry = d_logits.data<T>()[static_cast<std::int64_t>(i) * width + target];
      taken.add(target, static_cast<float>(std::exchange(entry, T{0})));
    }
    return taken;
  }

  void add_head_gradient(const Tensor& d_logits, const Tensor& hidden) {
    const Backend& kernels = backend(hidden);
    if (pass_.d_head.defined()) {
      kernels.add_linear_weight_gradient(d_logits, hidden, pass_.d_head);
    } else {
      pass_.d_head = kernels.linear_weight_gradient(d_logits, hidden);
    }
  }

  // Adds up the losses of the rows and, where gradients are wanted, turns the logits into theirs.
  void score(std::span<const std::int32_t> rows, Tensor& logits) {
    const bool wants_gradient = pass_.d_hidden.defined() || wants_head_;
    const bool is_formed = form_ != ScoreForm(1);
    const std::int64_t width = head_.size(0);
    T* values = logits.data<T>();
    std::vector<double> losses(rows.size());
    parallel_for(std::ssize(rows), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        T* row = values + i * width;
        const std::int32_t t = rows[static_cast<std::size_t>(i)], target = target_[t];
        if (is_formed) form_row(form_, row, width);
        std::vector<T> formed;
        if (is_formed && wants_gradient) formed.assign(row, row + width);
        const auto picked = static_cast<double>(row[target]);
        const double log_sum = wants_gradient
                                   ? to_gradient_row(row, width, target, static_cast<T>(weight_[t]))
                                   : cpu::log_sum_exp_row(row, width);
        if (!formed.empty()) to_product_gradient_row(form_, formed, row);
        losses[static_cast<std::size_t>(i)] = log_sum - picked;
      }
    });
    for (std::size_t i = 0; i < rows.size(); ++i) {
      pass_.loss += weight_[rows[i]] * losses[i];
      if (pass_.token_losses.defined())
        pass_.token_losses.template data<float>()[rows[i]] = static_cast<float>(losses[i]);
    }
  }

  Tensor hidden_, head_;
  ScoreForm form_;
  const std::int32_t* target_;
  const float* weight_;
  bool wants_head_ = false;
  Pass pass_;
};

// The gradient for a loss gradient of 1, times the loss gradient that came. In its own memory: that
// of a head is as large as the model's largest weight.
Tensor scaled(Tensor gradient, double factor) {
  if (gradient.defined() && factor != 1) scale_by(gradient, factor);
  return gradient;
}

void require_head(const Tensor& hidden, const Tensor& head) {
  require_float("linear_cross_entropy", hidden);
  if (hidden.rank() != 2 || head.rank() != 2 || hidden.size(1) != head.size(1)) {
    throw input_error(
        "linear_cross_entropy: hidden states {} do not fit the head {} {}; expected [T, D] and [V, "
        "D]",
        hidden.shape().text(), head.shape().text(), info(head.dtype()).name);
  }
  if (will_back_propagate_to(head) && head.dtype() != hidden.dtype()) {
    throw internal_error(
        "linear_cross_entropy: the head {} {} wants a gradient, which needs the type of the hidden "
        "states ({}); cast() it, or pass stop_gradient() of it",
        head.shape().text(), info(head.dtype()).name, info(hidden.dtype()).name);
  }
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& weights) {
  require_float("cross_entropy", logits);
  if (logits.rank() != 2)
    throw input_error("cross_entropy: expected logits [T, V], found {}", logits.shape().text());
  require_targets("cross_entropy", logits.size(0), logits.size(1), targets, weights);
  const Tensor source = dense(logits);
  std::vector<double> log_sums(static_cast<std::size_t>(logits.size(0)));
  double loss = 0;
  with_float(logits.dtype(), [&]<class T>() {
    const T* values = source.data<T>();
    const float* weight = weights.data<float>();
    cpu::for_each_row(source.shape(), [&](std::int64_t first, std::int64_t width) {
      const std::int64_t t = first / width;
      if (weight[t] != 0)
        log_sums[static_cast<std::size_t>(t)] = cpu::log_sum_exp_row(values + first, width);
    });
    for (const std::int32_t t : rows_with_weight(weights)) {
      const T picked = values[t * logits.size(1) + targets.data<std::int32_t>()[t]];
      loss += weight[t] * (log_sums[static_cast<std::size_t>(t)] - static_cast<double>(picked));
    }
  });
  return record("cross_entropy", {logits}, Tensor::scalar(loss, logits.dtype()),
                [source, targets, weights](const Tensor& dy) {
                  Tensor dx = source.clone();
                  with_float(source.dtype(), [&]<class T>() {
                    T* values = dx.data<T>();
                    const auto factor = static_cast<T>(dy.item());
                    cpu::for_each_row(dx.shape(), [&](std::int64_t first, std::int64_t width) {
                      const std::int64_t t = first / width;
                      const float weight = weights.data<float>()[t];
                      if (weight == 0) {
                        std::fill_n(values + first, width, T{0});
                        return;
                      }
                      to_gradient_row(values + first, width, targets.data<std::int32_t>()[t],
                                      static_cast<T>(weight) * factor);
                    });
                  });
                  return Gradients{dx};
                });
}

std::int64_t rows_of_logits_at_once(std::int64_t vocabulary) {
  return std::max(logits_at_once / std::max<std::int64_t>(vocabulary, 1), kFewestRowsAtOnce);
}

LogitsAtOnce::LogitsAtOnce(std::int64_t logits)
    : previous_(std::exchange(logits_at_once, logits)) {}
LogitsAtOnce::~LogitsAtOnce() { logits_at_once = previous_; }

Tensor linear_cross_entropy(const Tensor& hidden, const Tensor& head, const Tensor& targets,
                            const Tensor& weights, Tensor* token_losses, ScoreForm form) {
  require_head(hidden, head);
  require_targets("linear_cross_entropy", hidden.size(0), head.size(0), targets, weights);
  const bool wants_hidden = will_back_propagate_to(hidden);
  const bool wants_head = will_back_propagate_to(head);
  Pass pass = with_float(hidden.dtype(), [&]<class T>() {
    return LossPass<T>(dense(hidden), dense(head), targets, weights, form)
        .run(rows_with_weight(weights), wants_hidden, wants_head, token_losses != nullptr);
  });
  if (token_losses != nullptr) *token_losses = pass.token_losses;
  return record(
      "linear_cross_entropy", {hidden, head}, Tensor::scalar(pass.loss, hidden.dtype()),
      [d_hidden = std::move(pass.d_hidden),
       d_head = std::move(pass.d_head)](const Tensor& dy) mutable {
        const double factor = dy.item();
        return Gradients{scaled(std::move(d_hidden), factor), scaled(std::move(d_head), factor)};
      });
}

Tensor linear_cross_entropy_composed(const Tensor& hidden, const Tensor& head,
                                     const Tensor& targets, const Tensor& weights, ScoreForm form) {
  return cross_entropy(form_scores(linear(hidden, head), form), targets, weights);
}

}  // namespace bantam
