#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // CPUs with AMX have this target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_stream.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bantam/tensor/cpu/amx_instructions.h"
#include "bantam/tensor/cpu/amx_open-inl.h"
#include "bantam/tensor/cpu/amx_open.h"
#include "bantam/tensor/cpu/amx_stream.h"
#include "bantam/tensor/cpu/gate-inl.h"
#include "bantam/tensor/cpu/scratch.h"

#ifndef BANTAM_TENSOR_CPU_AMX_STREAM_ONCE_
#define BANTAM_TENSOR_CPU_AMX_STREAM_ONCE_
namespace bantam::cpu {

// What vectors do while tiles multiply, in parts of some fifty instructions.
struct SideWork {
  // Parts of tiles of a weight to be opened, four of a group.
  const std::byte* const* tile = nullptr;
  std::uint16_t* opened = nullptr;
  std::int64_t begin = 0, end = 0, group = 0, to_open = 0;
  int part = 0;
  GroupScales scales;
  DType dtype = DType::f32;

  // Rows of sums to be taken, [rows, stride].
  const float* sums = nullptr;
  std::int64_t stride = 0, row = 0, first_column = 0, columns = 0, to_take = 0;
  const StreamOutput* output = nullptr;
};

// All rows of x with a pair of tiles of a weight, over some groups.
struct PairProduct {
  const std::uint16_t* x = nullptr;  // of the first pair of blocks
  std::int64_t pairs = 0, of_block = 0;
  const std::uint16_t* y = nullptr;
  std::int64_t of_tile = 0, groups = 0;
  bool accumulate = false;
  float* sums = nullptr;
  std::int64_t stride = 0;
  int opens = 0, takes = 0;  // parts after each group
};

struct StreamKernels {
  void (*multiply)(const PairProduct& product, SideWork& side);
  void (*open)(SideWork& side);  // what is left
  void (*take)(SideWork& side);
  std::int64_t parts_of_group;
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL && BANTAM_KNOWS_AMX

template <class Form>
HWY_INLINE void open_some(SideWork& side) {
  open_part<Form>(*side.tile, side.group, side.part, side.scales, side.opened);
  --side.to_open;
  if (++side.part < kPartsOfGroup) return;
  side.part = 0, side.opened += kAmxTile;
  if (++side.group == side.end) side.group = side.begin, ++side.tile;
}

HWY_INLINE void take_gates(const SideWork& side, const float* from) {
  constexpr hn::Full512<float> d;
  const auto gate = [&](int at) HWY_ATTR {
    return gated(d, hn::LoadU(d, from + at), hn::LoadU(d, from + kAmxPair + at));
  };
  std::uint16_t* const tile =
      side.output->rows.tile(side.row / kAmxRows, side.first_column / kAmxDepth);
  hn::StoreU(to_bf16(gate(0), gate(kLanes)), hn::Full512<std::uint16_t>(),
             tile + side.row % kAmxRows * kAmxDepth);
}

HWY_INLINE void take_row(const SideWork& side, const float* from) {
  constexpr hn::Full512<float> d;
  const StreamOutput& output = *side.output;
  const std::int64_t at = side.row * output.width + side.first_column;
  if (side.columns == kAmxPair) {
    for (std::int64_t i = 0; i < kAmxPair; i += kLanes) {
      auto sums = hn::LoadU(d, from + i);
      if (output.base != nullptr) sums = hn::Add(hn::LoadU(d, output.base + at + i), sums);
      hn::StoreU(sums, d, output.out + at + i);
    }
    return;
  }
  for (std::int64_t i = 0; i < side.columns; i += kLanes) {
    const auto some = hn::FirstN(d, static_cast<std::size_t>(side.columns - i));
    auto sums = hn::LoadU(d, from + i);
    if (output.base != nullptr) sums = hn::Add(hn::MaskedLoad(some, d, output.base + at + i), sums);
    hn::BlendedStore(sums, some, d, output.out + at + i);
  }
}

// A row.
HWY_INLINE void take_some(SideWork& side) {
  const float* const from = side.sums + side.row * side.stride;
  if (side.output->kind == StreamOutput::Kind::gate) {
    take_gates(side, from);
  } else {
    take_row(side, from);
  }
  --side.to_take, ++side.row;
}

template <class Form>
void multiply(const PairProduct& product, SideWork& side) {
  const std::uint16_t* x = product.x;
  float* sums = product.sums;
  for (std::int64_t pair = 0; pair < product.pairs; ++pair) {
    const AmxThread::Factors factors{
        {x, x + product.of_block}, {product.y, product.y + product.of_tile}, product.groups};
    amx::begin_sums(product.accumulate, sums, product.stride);
    for (std::int64_t group = 0; group < product.groups; ++group) {
      amx::add_tiles<amx::Passing::x>(factors, group);
      for (int i = 0; i < product.opens && side.to_open > 0; ++i) open_some<Form>(side);
      for (int i = 0; i < product.takes && side.to_take > 0; ++i) take_some(side);
    }
    amx::store_sums(sums, product.stride);
    x += 2 * product.of_block, sums += kAmxPair * product.stride;
  }
}

template <class Form>
void open_rest(SideWork& side) {
  while (side.to_open > 0) open_some<Form>(side);
}
void take_rest(SideWork& side) {
  while (side.to_take > 0) take_some(side);
}

StreamKernels find(DType dtype) {
  return with_form(dtype, []<class Form>(Form) {
    return StreamKernels{multiply<Form>, open_rest<Form>, take_rest, kPartsOfGroup};
  });
}

#else

StreamKernels find(DType) { return {}; }

#endif

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

struct StreamMemory {
  std::array<Scratch, 2> tiles, sums;

  static StreamMemory& of_thread() {
    thread_local StreamMemory memory;
    return memory;
  }
};

StreamKernels kernels_of(DType dtype) { return HWY_DYNAMIC_DISPATCH(find)(dtype); }

// Of the panel that is multiplied and the one that is opened.
std::uint16_t* tiles_of(const StreamProduct& product, std::size_t panel) {
  return StreamMemory::of_thread().tiles[panel % 2].at_least<std::uint16_t>(
      2 * product.weights_count() * product.groups() * kAmxTile);
}

}  // namespace

PanelStream::PanelStream(std::vector<StreamProduct> products)
    : products_(std::move(products)), side_(std::make_unique<SideWork>()) {
  for (std::size_t product = 0; product < products_.size(); ++product) {
    const StreamProduct& of = products_[product];
    for (std::int64_t pair = of.first_pair; pair < of.last_pair; ++pair) {
      panels_.push_back({product, pair});
    }
  }
  begin_opening();
}
PanelStream::~PanelStream() = default;

void PanelStream::begin_opening() {
  if (next_ == panels_.size()) return;
  const auto [number, pair] = panels_[next_];
  const StreamProduct& product = products_[number];
  opening_.clear();
  for (const InterleavedWeight* weight : product.weights) {
    if (weight == nullptr) continue;
    // After an odd number of tiles there is room for one more, whose products go nowhere.
    const std::int64_t last = (weight->rows + kAmxRows - 1) / kAmxRows - 1;
    for (std::int64_t tile = 2 * pair; tile < 2 * pair + 2; ++tile) {
      opening_.push_back(weight->tiles + std::min(tile, last) * weight->tile_size);
    }
  }
  side_->tile = opening_.data(), side_->opened = tiles_of(product, next_);
  side_->begin = product.begin, side_->end = product.end;
  side_->group = product.begin, side_->part = 0;
  side_->dtype = product.weights[0]->dtype;
  side_->to_open =
      std::ssize(opening_) * product.groups() * kernels_of(side_->dtype).parts_of_group;
}

void PanelStream::multiply(const AmxRows& x, const StreamOutput& output) {
  const std::size_t product = panels_[next_].product;
  while (next_ < panels_.size() && panels_[next_].product == product) multiply_panel(x, output);
  kernels_of(side_->dtype).take(*side_);
}

void PanelStream::multiply_panel(const AmxRows& x, const StreamOutput& output) {
  SideWork& side = *side_;
  kernels_of(side.dtype).open(side);
  const auto [number, panel_pair] = panels_[next_];
  const StreamProduct& of = products_[number];
  const std::uint16_t* const tiles = tiles_of(of, next_);
  ++next_;
  begin_opening();
  const StreamKernels kernels = kernels_of(side.dtype);
  const std::int64_t groups = of.groups(), count = of.weights_count(),
                     at_once = AmxParts(groups, AmxThread::kTilesKept).at_once,
                     pairs = amx_pairs(x.rows), column = panel_pair * kAmxPair,
                     steps = pairs * count * groups;
  const bool stays = output.sums != nullptr;
  const std::int64_t stride = stays ? amx_pairs(of.weights[0]->rows) * kAmxPair : count * kAmxPair;
  float* const sums =
      stays ? output.sums + column
            : StreamMemory::of_thread().sums[next_ % 2].at_least<float>(pairs * kAmxPair * stride);
  PairProduct product;
  product.pairs = pairs, product.of_block = product.of_tile = groups * kAmxTile;
  product.stride = stride;
  const auto after_each = [&](std::int64_t parts_left) {
    return static_cast<int>((parts_left + steps - 1) / std::max<std::int64_t>(steps, 1));
  };
  product.opens = after_each(side.to_open), product.takes = after_each(side.to_take);
  const AmxThread amx;
  for (std::int64_t weight = 0; weight < count; ++weight) {
    for (std::int64_t group = 0; group < groups; group += at_once) {
      product.x = x.tile(0, group);
      product.y = tiles + (2 * weight * groups + group) * kAmxTile;
      product.groups = std::min(at_once, groups - group);
      product.accumulate = group > 0 || (stays && of.begin > 0);
      product.sums = sums + weight * kAmxPair;
      kernels.multiply(product, side);
    }
  }
  kernels.take(side);
  if (output.kind == StreamOutput::Kind::stay) return;
  const bool gates = output.kind == StreamOutput::Kind::gate;
  side.sums = sums, side.stride = stride, side.row = 0, side.output = &output;
  side.first_column = gates ? (panel_pair - of.first_pair) * kAmxPair : column;
  side.columns = gates ? kAmxPair : std::min<std::int64_t>(kAmxPair, output.width - column);
  // Rows of the next product are whole pairs of blocks.
  side.to_take = gates ? pairs * kAmxPair : x.rows;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
