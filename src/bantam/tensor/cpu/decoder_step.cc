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

constexpr std::int64_t kRowsAtATime = 4;  // that a thread takes of a loop over tokens

// Kept from layer to layer by the thread that runs them, for its memory.
RoundedRows& rounded_of_thread() {
  thread_local RoundedRows rounded;
  return rounded;
}

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
        memory_(Tensor::empty({tokens_ * (2 * width_ + queries_ + 2 * keys_ + 2 * inner_)})) {
    float* next = memory_.data<float>();
    const auto take = [&](std::int64_t width) {
      float* const rows = next;
      next += tokens_ * width;
      return rows;
    };
    normal_ = take(width_), branch_ = take(width_);
    query_ = take(queries_), key_ = take(keys_), value_ = take(keys_);
    gate_ = take(inner_), up_ = take(inner_);
  }

  Tensor run() {
    multiply<3>(normal_, width_,
                {{{step_.query, query_}, {step_.key, key_}, {step_.value, value_}}},
                [&](std::int64_t token) {
                  normalize_row(x_ + token * width_, step_.attention_norm->data<float>(), width_,
                                step_.epsilon, normal_ + token * width_);
                });
    parallel_for(tokens_, kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
      finish_heads(step_, {query_, key_, value_}, begin, end);
    });
    attend_pages(query_, step_.heads(), *step_.pages, *step_.visibility, step_.form, query_);
    multiply<1>(query_, queries_, {{{step_.output, branch_}}});
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

  // Products of x, of which make(token) makes each row.
  struct Product {
    const Tensor* weight;
    float* out;
  };
  template <std::size_t kCount, class Make>
  void multiply(const float* x, std::int64_t width, const std::array<Product, kCount>& products,
                Make make) {
    const auto of = [&](const Product& product) {
      return InterleavedProduct{interleaved(*product.weight), product.out};
    };
    std::apply(
        [&](const auto&... product) {
          const InterleavedProduct list[] = {of(product)...};
          if (by_tiles_) {
            for_each_token(make);
            return amx_products(rows_of_tiles(x, width).view(), list);
          }
          list[0].weight.fetch_next();
          // A thread rounds the rows that it made: each loop over few rows is waiting for others.
          rounded_.round(x, tokens_, width, rows_side_by_side(),
                         [&](std::int64_t first, std::int64_t last) {
                           for (std::int64_t token = first; token < last; ++token) make(token);
                         });
          interleaved_products(rounded_, list);
        },
        products);
  }
  template <std::size_t kCount>
  void multiply(const float* x, std::int64_t width, const std::array<Product, kCount>& products) {
    multiply<kCount>(x, width, products, [](std::int64_t) {});
  }

  PackedRows rows_of_tiles(const float* x, std::int64_t width) const {
    return PackedRows({x, tokens_, width, width, true});
  }

  void feed() {
    const auto add = [&](std::int64_t token) { add_attention(token); };
    if (by_tiles_) {
      for_each_token(add);
      const PackedRows inner = gated_amx_products(rows_of_tiles(normal_, width_).view(),
                                                  interleaved(*step_.gate), interleaved(*step_.up));
      const InterleavedProduct down{interleaved(*step_.down), branch_};
      return amx_products(inner.view(), {&down, 1});
    }
    multiply<2>(normal_, width_, {{{step_.gate, gate_}, {step_.up, up_}}}, add);
    multiply<1>(gate_, inner_, {{{step_.down, branch_}}}, [&](std::int64_t token) {
      float* const gate = gate_ + token * inner_;
      gate_elements(gate, up_ + token * inner_, inner_, gate);
    });
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
  // [T, ...] in memory_; attention writes where it read queries.
  float *normal_, *branch_, *query_, *key_, *value_, *gate_, *up_;
  RoundedRows& rounded_ = rounded_of_thread();
};

}  // namespace

Tensor decoder_step(const Tensor& x, const DecoderStep& step) {
  const bool by_tiles = RoundActivations::in_force() != Rounding::rows && has_amx();
  if (by_tiles && cuts_by_tokens(x.size(0), step)) return passage_step(x, step);
  return Step(x, step, by_tiles).run();
}

}  // namespace bantam::cpu
