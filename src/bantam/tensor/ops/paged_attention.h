// Keys and values of past tokens in pages, and attention over them: what answering reads at every
// token, so it lies in the order in which it is read and may be kept in half precision.
//
// Pages are a tensor [P, G, 2, kPageRows, W]: of each page and key head the keys of kPageRows
// tokens, then their values, W = padded_head_width(E) features each, of which the last W - E are
// zero. It may be a slice of the heads of a larger one, which holds those of all layers. Keys lie
// four features at a time, [W / 4][kPageRows][4], so that a product of a query with them adds up
// few lanes in the end; values token by token, [kPageRows][W]. Row r of a visibility is token r %
// kPageRows of page r / kPageRows.
#pragma once

#include <cstdint>
#include <span>

#include "bantam/tensor/relative_bias.h"
#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"
#include "bantam/tensor/visibility.h"

namespace bantam {

constexpr std::int64_t kPageRows = 32;
/// Features of a key that lie together.
constexpr std::int64_t kKeyQuad = 4;
/// Features a head takes in pages: whole vectors.
constexpr std::int64_t padded_head_width(std::int64_t width) { return (width + 15) / 16 * 16; }

/// Pages with nothing in them. f32, or f16: half the memory and half the time of a long context.
Tensor make_pages(std::int64_t pages, std::int64_t kv_heads, std::int64_t head_width, DType dtype);
/// Pages as make_pages() and this gave them, and new ones behind them in the same memory.
Tensor with_more_pages(Tensor pages, std::int64_t count);

/// Stores keys and values [T, G, E] f32 of T tokens in `rows`. f16 rounds to nearest, ties to even;
/// finite values beyond its range become ±65,504, its largest, so that one outlier is bounded
/// rather than turned into infinity. Infinity and NaN stay what they are.
void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values);

/// Key or value of one row and head as f32 [E], for tests and for looking at a store.
enum class PageSide { keys, values };
Tensor page_row(const Tensor& pages, PageSide side, std::int32_t row, std::int64_t head,
                std::int64_t head_width);

/// attention() (see there) over pages, forward only: q [T, H, E] -> [T, H, E]. Ranges of a query
/// may stand in any order, its sums run in theirs: a result depends on the query, what it sees and
/// the order of that alone, bit by bit, not on the queries beside it, on threads, or on which pages
/// a sequence got. A relative bias may have a side of queries; of the keys that a query sees in the
/// order of its ranges, the last one is at distance 0, the one before at -1, and so on. Throws
/// Error(input) naming shapes.
Tensor paged_attention(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                       ScoreForm form, const RelativeBias& bias = {});

}  // namespace bantam
