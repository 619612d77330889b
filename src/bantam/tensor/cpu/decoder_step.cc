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
#include "bantam/tensor/cpu/passage_step.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/cpu/step_heads.h"
#include "bantam/tensor/cpu/vector_math.h"
#include "bantam/tensor/ops/linear.h"

namespace bantam::cpu {
namespace {

constexpr std::int64_t kRowsAtATime = 4;         // that a thread takes of a loop over tokens
constexpr std::int64_t kElementsAtATime = 4096;  // of gates

class Step {
 public:
  Step(const Tensor& x, const DecoderStep& step, bool by_tiles)
      : step_(step),
        tokens_(x.size(0)),
        width_(x.size(1)),
        queries_(step.query->size(0)),
        keys_(step.key->size(0)),
        by_tiles_(by_tiles),
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
    for_each_token([&](std::int64_t token) { finish_heads(step_, {query_, key_, value_}, token); });
    attend_pages(query_, step_.heads(), *step_.pages, *step_.visibility, step_.form, mixed_);
    multiply<1>(mixed_, queries_, {{{step_.output, branch_}}});
    for_each_token([&](std::int64_t token) { add_attention(token); });
    feed();
    float* const y = y_.data<float>();
    for_each_token([&](std::int64_t token) {
      float* const row = y + token * width_;
      add_row(row, branch_ + token * width_, width_, row);
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

  // y = x + what attention gave, and its norm.
  void add_attention(std::int64_t token) {
    const std::int64_t at = token * width_;
    float* const y = y_.data<float>() + at;
    add_row(x_ + at, branch_ + at, width_, y);
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

Tensor decoder_step(const Tensor& x, const DecoderStep& step) {
  const bool by_tiles = RoundActivations::in_force() != Rounding::rows && has_amx();
  if (by_tiles && cuts_by_tokens(x.size(0), step)) return passage_step(x, step);
  return Step(x, step, by_tiles).run();
}

}  // namespace bantam::cpu
