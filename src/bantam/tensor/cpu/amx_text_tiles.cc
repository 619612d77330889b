#include "bantam/tensor/cpu/amx_text_tiles.h"

#include <algorithm>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"

namespace bantam::cpu {

TextColumns::TextColumns(const Tensor& x, Along along)
    : tiles_((x.size(0) + kTextTile - 1) / kTextTile),
      of_tile_(kTextTile * text_width(x.size(2))),
      memory_(Tensor::empty({x.size(1) * tiles_, of_tile_}, DType::bf16)),
      columns_(memory_.data<std::uint16_t>()) {
  const std::int64_t rows = x.size(0), groups = x.size(1), width = x.size(2),
                     stride = groups * width, pairs = kTextTile / kAmxPair;
  static_assert(kAmxPair == kAmxDepth);
  parallel_for(groups * tiles_, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* const from = x.data<float>() + i / tiles_ * width;
      const std::int64_t first = i % tiles_ * pairs, last = first + pairs;
      std::uint16_t* const to = columns_ + i * of_tile_;
      if (along == Along::features) {
        pack_panel({from, rows, width, stride, true}, {first, last, 0, amx_pairs(width)}, to);
      } else {
        pack_panel({from, width, rows, stride, false}, {0, amx_pairs(width), first, last}, to);
      }
    }
  });
}

SeenTiles::SeenTiles(const Visibility& visibility, const QueryBlock& block, std::int32_t begin,
                     std::int32_t end) {
  // What all queries see, where each sees one range.
  KeyRange common{0, TextQueries(block).rows() == block.end - block.begin ? end : 0};
  for (std::int32_t query = block.begin; query < block.end; ++query) {
    const std::int32_t first = visibility.first[static_cast<std::size_t>(query)];
    if (visibility.first[static_cast<std::size_t>(query) + 1] != first + 1) common.end = 0;
    const KeyRange& range = visibility.ranges[static_cast<std::size_t>(first)];
    common = {std::max(common.begin, range.begin), std::min(common.end, range.end)};
  }
  std::vector<std::size_t> masks;  // place of those of each tile, none for whole ones
  constexpr std::size_t kWhole = ~std::size_t{0};
  for (const KeyRange& range : block.keys) {
    const std::int32_t from = std::max(begin, range.begin), to = std::min(end, range.end);
    for (std::int32_t key = from / kTextTile * kTextTile; key < to; key += kTextTile) {
      const std::int32_t number = key / kTextTile;
      if (!tiles_.empty() && tiles_.back().number == number) continue;
      tiles_.push_back({number, nullptr});
      const bool whole = common.begin <= key && key + kTextTile <= common.end;
      masks.push_back(whole ? kWhole : seen_.size());
      if (whole) continue;
      seen_.resize(seen_.size() + kTextTile);
      for (std::int32_t query = block.begin; query < block.end; ++query) {
        std::uint64_t& of_query =
            seen_[masks.back() + static_cast<std::size_t>(query - block.begin)];
        for_each_visible(visibility, query, std::max(key, begin), std::min(key + kTextTile, end),
                         [&](std::int32_t low, std::int32_t high) {
                           const std::uint64_t some = ~std::uint64_t{0} >> (64 - (high - low));
                           of_query |= some << (low - key);
                         });
      }
    }
  }
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    if (masks[i] != kWhole) tiles_[i].seen = seen_.data() + masks[i];
  }
}

void multiply_text(const AmxThread& amx, TextFactor x, TextFactor y, std::int64_t tiles,
                   bool accumulate, float* sums, std::int64_t stride) {
  const std::int64_t block = tiles * kAmxTile;
  for (int row = 0; row < x.pairs; ++row) {
    const std::uint16_t* const of_rows = x.blocks + 2 * row * block;
    for (int column = 0; column < y.pairs; ++column) {
      const std::uint16_t* const of_columns = y.blocks + 2 * column * block;
      amx.multiply({{of_rows, of_rows + block}, {of_columns, of_columns + block}, tiles},
                   accumulate, sums + row * kAmxPair * stride + column * kAmxPair, stride);
    }
  }
}

}  // namespace bantam::cpu
