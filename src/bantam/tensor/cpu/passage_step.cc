#include "bantam/tensor/cpu/passage_step.h"

#include <algorithm>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_stream.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/cpu/scratch.h"
#include "bantam/tensor/cpu/step_heads.h"
#include "bantam/tensor/cpu/vector_math.h"

namespace bantam::cpu {
namespace {

// Tokens that a thread takes at a time, in whole pairs of tiles: enough that opening the weights
// costs little beside multiplying them, few enough that their features, 768 KiB, stay in its cache
// while pairs of tiles of the weight pass by.
constexpr std::int64_t kFewestTokens = 128, kMostTokens = 256, kMostFeatures = 384 * 1024;
// Groups of 32 inner features that a thread has at a time, 768 KiB.
constexpr std::int64_t kMostInnerGroups = 48;

std::int64_t tokens_at_a_time(std::int64_t tokens, std::int64_t width) {
  const std::int64_t most = std::clamp(kMostFeatures / width, kFewestTokens, kMostTokens),
                     of_all = thread_count() * most,
                     rounds = std::max<std::int64_t>((tokens + of_all / 4) / of_all, 1),
                     shares = thread_count() * rounds;
  return amx_pairs((tokens + shares - 1) / shares) * kAmxPair;
}

// Where a thread has the activations that it packs for products, and sums of slices.
struct PassageMemory {
  Scratch x, inner, sums;

  static PassageMemory& of_thread() {
    thread_local PassageMemory memory;
    return memory;
  }
};

AmxRows packed_rows(Scratch& memory, std::int64_t count, std::int64_t width) {
  const std::int64_t groups = (width + kAmxDepth - 1) / kAmxDepth;
  return {count, groups, memory.at_least<std::uint16_t>(2 * amx_pairs(count) * groups * kAmxTile)};
}

class PassageStep {
 public:
  PassageStep(const Tensor& x, const DecoderStep& step)
      : step_(step),
        query_(interleaved(*step.query)),
        key_(interleaved(*step.key)),
        value_(interleaved(*step.value)),
        output_(interleaved(*step.output)),
        gate_(interleaved(*step.gate)),
        up_(interleaved(*step.up)),
        down_(interleaved(*step.down)),
        tokens_(x.size(0)),
        width_(x.size(1)),
        queries_(step.query->size(0)),
        keys_(step.key->size(0)),
        inner_groups_(down_.width / kAmxDepth),
        slices_((inner_groups_ + kMostInnerGroups - 1) / kMostInnerGroups),
        x_(x.data<float>()),
        y_(Tensor::empty(x.shape())),
        memory_(Tensor::empty({tokens_ * (queries_ + 2 * keys_)})) {
    heads_.queries = memory_.data<float>();
    heads_.keys = heads_.queries + tokens_ * queries_;
    heads_.values = heads_.keys + tokens_ * keys_;
  }

  Tensor run() {
    const std::int64_t at_a_time = tokens_at_a_time(tokens_, width_);
    parallel_for(tokens_, at_a_time,
                 [&](std::int64_t first, std::int64_t last) { make_heads(first, last); });
    attend_pages(heads_.queries, step_.heads(), *step_.pages, *step_.visibility, step_.form,
                 heads_.queries);
    parallel_for(tokens_, at_a_time,
                 [&](std::int64_t first, std::int64_t last) { finish_layer(first, last); });
    return y_;
  }

 private:
  // The normalized rows first … last of x, packed: what normalize_row() gives, rounded.
  AmxRows normalized(const float* x, const Tensor& norm, std::int64_t first, std::int64_t last) {
    const AmxRows packed = packed_rows(PassageMemory::of_thread().x, last - first, width_);
    const std::int64_t padded = amx_pairs(last - first) * kAmxPair;
    for (std::int64_t row = 0; row < padded; row += kAmxRows) {
      const std::int64_t some = std::clamp<std::int64_t>(last - first - row, 0, kAmxRows);
      const float* const rows = x + (first + row) * width_;
      float inverse[kAmxRows];
      for (std::int64_t i = 0; i < some; ++i) {
        inverse[i] = inverse_rms(rows + i * width_, width_, step_.epsilon);
      }
      pack_scaled_rows(rows, some, width_, inverse, norm.data<float>(), packed, row);
    }
    return packed;
  }

  using Kind = StreamOutput::Kind;

  void make_heads(std::int64_t first, std::int64_t last) {
    PanelStream stream({StreamProduct::of_all(query_), StreamProduct::of_all(key_),
                        StreamProduct::of_all(value_)});
    const AmxRows x = normalized(x_, *step_.attention_norm, first, last);
    const auto into = [&](float* heads, std::int64_t width) {
      stream.multiply(x, {.kind = Kind::copy, .out = heads + first * width, .width = width});
    };
    into(heads_.queries, queries_), into(heads_.keys, keys_), into(heads_.values, keys_);
    finish_heads(step_, heads_, first, last);
  }

  void finish_layer(std::int64_t first, std::int64_t last) {
    PanelStream stream(products_after_attention());
    PassageMemory& memory = PassageMemory::of_thread();
    const AmxRows mixed = packed_rows(memory.x, last - first, queries_);
    pack_rows({heads_.queries + first * queries_, last - first, queries_, queries_, true}, mixed, 0,
              0);
    const std::int64_t at = first * width_, padded = amx_pairs(last - first) * kAmxPair;
    float* const y = y_.data<float>();
    stream.multiply(mixed, {.kind = Kind::add, .out = y + at, .base = x_ + at, .width = width_});

    const AmxRows x = normalized(y, *step_.feed_forward_norm, first, last);
    float* const sums =
        slices_ == 1 ? nullptr : memory.sums.at_least<float>(padded * amx_pairs(width_) * kAmxPair);
    for (std::int64_t slice = 0; slice < slices_; ++slice) {
      const AmxRows inner = packed_rows(memory.inner, last - first,
                                        (slice_end(slice) - slice_begin(slice)) * kAmxDepth);
      stream.multiply(x, {.kind = Kind::gate, .rows = inner});
      stream.multiply(inner, {.kind = slice + 1 < slices_ ? Kind::stay : Kind::add,
                              .out = y + at,
                              .base = y + at,
                              .width = width_,
                              .sums = sums});
    }
  }

  // Inner features go slice by slice where there are many: a thread has those of one in its cache.
  std::vector<StreamProduct> products_after_attention() const {
    std::vector<StreamProduct> products{StreamProduct::of_all(output_)};
    for (std::int64_t slice = 0; slice < slices_; ++slice) {
      const std::int64_t begin = slice_begin(slice), end = slice_end(slice);
      products.push_back({{&gate_, &up_}, begin, end, 0, gate_.width / kAmxDepth});
      products.push_back({{&down_, nullptr}, 0, amx_pairs(down_.rows), begin, end});
    }
    return products;
  }
  std::int64_t slice_begin(std::int64_t slice) const { return inner_groups_ * slice / slices_; }
  std::int64_t slice_end(std::int64_t slice) const { return slice_begin(slice + 1); }

  const DecoderStep& step_;
  const InterleavedWeight &query_, &key_, &value_, &output_, &gate_, &up_, &down_;
  std::int64_t tokens_, width_, queries_, keys_, inner_groups_, slices_;
  const float* x_;
  Tensor y_, memory_;
  StepHeads heads_{};  // attention writes where it read queries
};

}  // namespace

bool cuts_by_tokens(std::int64_t tokens, const DecoderStep& step) {
  // A panel of gates has tiles of both weights, which are opened alike.
  return tokens_at_a_time(tokens, step.gate->size(1)) >= kFewestTokens &&
         step.gate->dtype() == step.up->dtype();
}

Tensor passage_step(const Tensor& x, const DecoderStep& step) { return PassageStep(x, step).run(); }

}  // namespace bantam::cpu
