// A layer of a decoder at one go (tensor/decoder_step.h): the work of a dozen ops on memory of its
// own. For one token an op's arithmetic takes less time than making its tensors, and while it runs
// memory rests: weights are read by the four products alone.
#include "bantam/tensor/decoder_step.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "bantam/base/threads.h"
#include "bantam/tensor/backend.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_products.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/ops/linear.h"

namespace bantam::cpu {
namespace {

constexpr std::int64_t kRowsAtATime = 4;         // that a thread takes of a loop over tokens
constexpr std::int64_t kElementsAtATime = 4096;  // of gates

void add_to_row(const float* part, std::int64_t width, float* total) {
  for (std::int64_t i = 0; i < width; ++i) total[i] += part[i];
}

class Step {
 public:
  Step(const Tensor& x, const DecoderStep& step)
      : step_(step),
        tokens_(x.size(0)),
        width_(x.size(1)),
        queries_(step.query->size(0)),
        keys_(step.key->size(0)),
        by_tiles_(RoundActivations::in_force() != Rounding::rows && has_amx()),
        inner_(by_tiles_ ? 0 : step.gate->size(0)),
        x_(x.data<float>()),
        y_(Tensor::empty(x.shape())),
        memory_(Tensor::empty({tokens_ * (2 * width_ + 2 * queries_ + 2 * keys_ + 2 * inner_)})) {
    float* next = memory_.data<float>();
    const auto take = [&](std::int64_t width) {
      float* const rows = next;
      next += tokens_ * width;
      return rows;
    };
    normal_ = take(width_), branch_ = take(width_);
    query_ = take(queries_), mixed_ = take(queries_);
    key_ = take(keys_), value_ = take(keys_);
    gate_ = take(inner_), up_ = take(inner_);
  }

  Tensor run() {
    for_each_token([&](std::int64_t token) {
      normalize_row(x_ + token * width_, step_.attention_norm->data<float>(), width_, step_.epsilon,
                    normal_ + token * width_);
    });
    multiply<3>(normal_, width_,
                {{{step_.query, query_}, {step_.key, key_}, {step_.value, value_}}});
    for_each_token([&](std::int64_t token) { finish_heads(token); });
    attend_pages(query_, step_.heads(), *step_.pages, *step_.visibility, step_.form, mixed_);
    multiply<1>(mixed_, queries_, {{{step_.output, branch_}}});
    for_each_token([&](std::int64_t token) { add_attention(token); });
    feed();
    float* const y = y_.data<float>();
    for_each_token([&](std::int64_t token) {
      add_to_row(branch_ + token * width_, width_, y + token * width_);
    });
    return y_;
  }

 private:
  template <class F>
  void for_each_token(F f) {
    parallel_for(tokens_, kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t token = begin; token < end; ++token) f(token);
    });
  }

  struct Product {
    const Tensor* weight;
    float* out;
  };
  template <std::size_t kCount>
  void multiply(const float* x, std::int64_t width, const std::array<Product, kCount>& products) {
    const auto of = [&](const Product& product) {
      return InterleavedProduct{interleaved(*product.weight), product.out};
    };
    std::apply(
        [&](const auto&... product) {
          const InterleavedProduct list[] = {of(product)...};
          if (by_tiles_) return amx_products(rows_of_tiles(x, width).view(), list);
          rounded_.round(x, tokens_, width, rows_side_by_side());
          interleaved_products(rounded_, list);
        },
        products);
  }

  PackedRows rows_of_tiles(const float* x, std::int64_t width) const {
    return PackedRows({x, tokens_, width, width, true});
  }

  void feed() {
    if (by_tiles_) {
      const PackedRows inner = gated_amx_products(rows_of_tiles(normal_, width_).view(),
                                                  interleaved(*step_.gate), interleaved(*step_.up));
      const InterleavedProduct down{interleaved(*step_.down), branch_};
      return amx_products(inner.view(), {&down, 1});
    }
    multiply<2>(normal_, width_, {{{step_.gate, gate_}, {step_.up, up_}}});
    parallel_for(tokens_ * inner_, kElementsAtATime, [&](std::int64_t begin, std::int64_t end) {
      gate_elements(gate_ + begin, up_ + begin, end - begin, gate_ + begin);
    });
    multiply<1>(gate_, inner_, {{{step_.down, branch_}}});
  }

  // Queries, keys and values as attention reads them, keys and values in their pages.
  void finish_heads(std::int64_t token) {
    finish(query_ + token * queries_, queries_, step_.query_bias, step_.query_norm, token);
    finish(key_ + token * keys_, keys_, step_.key_bias, step_.key_norm, token);
    if (step_.value_bias != nullptr) {
      add_to_row(step_.value_bias->data<float>(), keys_, value_ + token * keys_);
    }
    store_tokens({key_, value_, step_.head_width()}, step_.rows, token, token + 1, *step_.pages);
  }

  void finish(float* row, std::int64_t width, const Tensor* bias, const Tensor* norm,
              std::int64_t token) const {
    const std::int64_t of_head = step_.head_width();
    if (bias != nullptr) add_to_row(bias->data<float>(), width, row);
    for (float* head = row; norm != nullptr && head < row + width; head += of_head) {
      normalize_row(head, norm->data<float>(), of_head, step_.epsilon, head);
    }
    if (step_.rope == nullptr) return;
    const Tensor &cosine = step_.rope->cosine, &sine = step_.rope->sine;
    const std::int64_t pairs = cosine.size(1);
    turn_heads(row, width / of_head, of_head,
               {cosine.data<float>() + token * pairs, sine.data<float>() + token * pairs, pairs,
                step_.interleaved},
               row);
  }

  // y = x + what attention gave, and its norm.
  void add_attention(std::int64_t token) {
    const std::int64_t at = token * width_;
    float* const y = y_.data<float>() + at;
    for (std::int64_t i = 0; i < width_; ++i) y[i] = x_[at + i] + branch_[at + i];
    normalize_row(y, step_.feed_forward_norm->data<float>(), width_, step_.epsilon, normal_ + at);
  }

  const DecoderStep& step_;
  std::int64_t tokens_, width_, queries_, keys_;
  bool by_tiles_;
  std::int64_t inner_;  // features of gates that memory sees
  const float* x_;
  Tensor y_, memory_;
  float *normal_, *branch_, *query_, *mixed_, *key_, *value_, *gate_, *up_;  // [T, ...] in memory_
  RoundedRows rounded_;
};

}  // namespace

Tensor decoder_step(const Tensor& x, const DecoderStep& step) { return Step(x, step).run(); }

}  // namespace bantam::cpu
