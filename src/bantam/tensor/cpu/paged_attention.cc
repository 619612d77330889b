// Attention of new tokens over pages of stored keys and values (ops/paged_attention.h).
//
// A query's keys are cut in pieces, a piece being what it sees of one page, and kChunkPieces pieces
// are a chunk, which has a maximum and sums of its own; chunks are merged in order. All of this
// follows from the query's own list of keys. So pieces of work may be cut as suits: chunks of one
// long context go to several threads, and queries of one sequence whose lists begin alike share
// what they read, with the same bits. Tiles of AMX go on from the sums of the chunk before instead,
// so that one thread has all chunks of a row.
#include "bantam/tensor/ops/paged_attention.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_attention.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/packed_keys.h"
#include "bantam/tensor/cpu/paged_blocks.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/ops/linear.h"

namespace bantam::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// From here on rows of one key head that meet a piece widen it first rather than each for itself.
constexpr int kManyRows = 7;

// Memory that a thread works in; what it grew to stays for the next call.
struct PagedScratch {
  Scratch queries, scores, widened, rows;
  AmxAttention tiles;

  static PagedScratch& of_thread() {
    thread_local PagedScratch scratch;
    return scratch;
  }
};

// Some keys or values of a key head in one after the other of their pages.
struct Visit {
  std::span<const Piece> pieces;
  std::int64_t group;
};

// Rows of a block's queries and some of its key heads over some of its keys: [key heads][queries]
// [heads of a key head].
class PagedWork {
 public:
  /// keys: where the problem is one of tiles, which outlive it; else may be null.
  PagedWork(const PagedProblem& problem, const PagedBlock& block, std::int64_t first_group,
            std::int64_t last_group, const PackedKeys* keys = nullptr)
      : problem_(problem),
        keys_(keys),
        block_(block),
        first_group_(first_group),
        last_group_(last_group),
        queries_(block.end - block.begin),
        of_group_(queries_ * problem.per_group),
        // Queries whose rows fill tiles together.
        run_(tiles_.rows / std::gcd(tiles_.rows, problem.per_group)),
        widens_(problem.is_half() && of_group_ >= kManyRows) {}

  std::int64_t rows() const { return (last_group_ - first_group_) * of_group_; }

  EachStep each_row() const { return {0, rows(), 1}; }
  EachStep rows_of_head(std::int64_t head) const {
    const std::int64_t per_group = problem_.per_group, group = head / per_group - first_group_;
    return {group * of_group_ + head % per_group, (group + 1) * of_group_, per_group};
  }

  /// The first of what it reads for a chunk; nothing beyond the last chunk.
  Visit begin_of(std::int32_t chunk) const { return {block_.chunk(chunk), first_group_}; }

  /// Fills its rows with what they sum over one chunk of pieces; `next` will be read then.
  void attend(std::int32_t chunk, const Visit& next, PartialRows rows) {
    prepare();
    if (problem_.by_tiles) return attend_by_tiles(chunk, rows, false);
    std::fill_n(rows.outputs, this->rows() * problem_.width, 0.0f);
    for (Visit visit = begin_of(chunk); visit.group < last_group_; ++visit.group) {
      const bool is_last = visit.group + 1 == last_group_;
      attend(visit, is_last ? next : Visit{visit.pieces, visit.group + 1},
             rows.from((visit.group - first_group_) * of_group_, problem_.width));
    }
  }

  /// Adds a later chunk to all its rows. `part` has room for as many.
  void add(std::int32_t chunk, const Visit& next, PartialRows rows, PartialRows part) {
    if (problem_.by_tiles) return attend_by_tiles(chunk, rows, true);
    attend(chunk, next, part);
    merge(rows, part, each_row());
  }

  /// Adds what a later chunk gave some rows.
  void merge(PartialRows into, PartialRows chunk, const EachStep& rows) const {
    tiles_.merge(into, chunk, rows, problem_.width);
  }

  /// Writes a finished row to out [all queries][heads][width].
  void finish(PartialRows rows, std::int64_t row, float* out) const {
    const std::int64_t group = row / of_group_, query = row % of_group_ / problem_.per_group,
                       head = row % problem_.per_group;
    float* to = out + offset_of(query, first_group_ + group) + head * problem_.width;
    tiles_.scale(rows.outputs + row * problem_.width, problem_.width, 1.0f / rows.sum[row], to);
  }

 private:
  // Of the first row of a query and key head in q and out.
  std::int64_t offset_of(std::int64_t query, std::int64_t group) const {
    return ((block_.begin + query) * problem_.heads + group * problem_.per_group) * problem_.width;
  }

  void prepare() {
    if (q_ != nullptr) return;
    q_ = problem_.q + offset_of(0, first_group_);
    if (problem_.by_tiles) return prepare_tiles();
    PagedScratch& scratch = PagedScratch::of_thread();
    const std::int64_t together = problem_.per_group * problem_.width;
    scores_ = scratch.scores.at_least<float>(of_group_ * kChunkKeys);
    // Scores of keys that begin within a page read whole units of keys, beyond its last.
    if (widens_) {
      wide_ = scratch.widened.at_least<float>((kPageRows + kTileWidthUnit) * problem_.width);
    }
    if (queries_ == 1) return;  // in order already
    auto* to = scratch.queries.at_least<float>(rows() * problem_.width);
    q_ = to;
    for (std::int64_t group = first_group_; group < last_group_; ++group) {
      for (std::int64_t query = 0; query < queries_; ++query) {
        to = std::copy_n(problem_.q + offset_of(query, group), together, to);
      }
    }
  }

  void prepare_tiles() {
    AmxAttention& tiles = PagedScratch::of_thread().tiles;
    tiles.begin({queries_, problem_.per_group, problem_.width, block_.seen, problem_.form.scale},
                last_group_ - first_group_);
    for (std::int64_t group = first_group_; group < last_group_; ++group) {
      tiles.set_queries(group - first_group_, problem_.q + offset_of(0, group),
                        problem_.heads * problem_.width);
    }
  }

  // In its plane: its first key, of which it reads every feature, or its first value.
  std::int64_t in_plane(const Piece& piece, PageSide side) const {
    return piece.row % kPageRows * (side == PageSide::keys ? kKeyQuad : problem_.width);
  }

  // The side of a piece that is read after that of piece `number` of a visit.
  const std::uint16_t* read_after(std::size_t number, PageSide side, const Visit& visit,
                                  const Visit& next) const {
    const auto of = [&](const Visit& at, std::size_t piece, PageSide of_side) {
      return problem_.pages.data<std::uint16_t>() +
             problem_.plane(at.pieces[piece], of_side, at.group) +
             in_plane(at.pieces[piece], of_side);
    };
    if (number + 1 < visit.pieces.size()) return of(visit, number + 1, side);
    if (side == PageSide::keys) return of(visit, 0, PageSide::values);
    return next.pieces.empty() ? nullptr : of(next, 0, PageSide::keys);
  }

  // Keys or values of a piece, and of the one that is read next.
  template <class Element>
  struct Side {
    const Element *data, *soon = nullptr;
  };

  // The rows of a visit's key head over its pieces.
  void attend(const Visit& visit, const Visit& next, PartialRows rows) {
    const std::int64_t width = problem_.width;
    const auto stored = [&]<class Element>(const Piece& piece, PageSide side,
                                           const Element* pages) {
      return pages + problem_.plane(piece, side, visit.group) + in_plane(piece, side);
    };
    const auto soon = [&](const Piece& piece, PageSide side) {
      return read_after(static_cast<std::size_t>(&piece - visit.pieces.data()), side, visit, next);
    };
    if (!problem_.is_half()) {
      attend(visit, rows, tiles_.scores, tiles_.mix, [&](const Piece& piece, PageSide side) {
        return Side<float>{stored(piece, side, problem_.pages.data<float>())};
      });
      return;
    }
    const auto* pages = problem_.pages.data<std::uint16_t>();
    if (widens_) {
      attend(visit, rows, tiles_.scores, tiles_.mix, [&](const Piece& piece, PageSide side) {
        if (side == PageSide::keys) {
          tiles_.widen(pages + problem_.plane(piece, side, visit.group),
                       static_cast<int>(kPageRows * width), soon(piece, side), wide_);
          return Side<float>{wide_ + in_plane(piece, side)};
        }
        tiles_.widen(stored(piece, side, pages), static_cast<int>(piece.count * width),
                     soon(piece, side), wide_);
        return Side<float>{wide_};
      });
    } else {
      attend(visit, rows, tiles_.scores_half, tiles_.mix_half,
             [&](const Piece& piece, PageSide side) {
               return Side<std::uint16_t>{stored(piece, side, pages), soon(piece, side)};
             });
    }
  }

  // side_of(piece, side): its keys or values, until the next call.
  template <class Scores, class Mix, class SideOf>
  void attend(const Visit& visit, PartialRows rows, Scores scores, Mix mix, SideOf side_of) {
    const auto& [pieces, group] = visit;
    const int width = problem_.width;
    const std::int32_t before = pieces.front().before;
    const float* q = q_ + (group - first_group_) * of_group_ * width;
    for (const Piece& piece : pieces) {
      const auto keys = side_of(piece, PageSide::keys);
      for_each_run(piece, [&](std::int64_t row, int count, int seen) {
        scores({q + row * width, width, count},
               {keys.data, kKeyQuad * kPageRows, width / static_cast<int>(kKeyQuad), keys.soon},
               seen, problem_.form.scale, scores_of(row) + (piece.before - before), kChunkKeys);
      });
    }
    const std::int32_t keys = pieces.back().before + pieces.back().count - before;
    for (int row = 0; row < of_group_; ++row) weigh(row, group, before, keys, rows);
    for (const Piece& piece : pieces) {
      const auto values = side_of(piece, PageSide::values);
      for_each_run(piece, [&](std::int64_t row, int count, int seen) {
        mix(rows.outputs + row * width, width, count, scores_of(row) + (piece.before - before),
            kChunkKeys, 1, {values.data, width, seen, values.soon}, width);
      });
    }
  }

  // The rows of all key heads over a chunk, in tiles of bf16.
  void attend_by_tiles(std::int32_t chunk, PartialRows rows, bool go_on) {
    AmxAttention& tiles = PagedScratch::of_thread().tiles;
    const AmxPieces pieces(block_.chunk(chunk));
    for (std::int64_t group = first_group_; group < last_group_; ++group) {
      AmxAttention::ChangeScores change;
      if (problem_.bias.present() || problem_.form.capped()) {
        change = [&](int row, std::int32_t before, int count, float* scores) {
          adjust(row, group, before, count, scores);
        };
      }
      tiles.attend(group - first_group_, pieces.list(), keys_->at(block_, chunk, group), change,
                   rows.from((group - first_group_) * of_group_, problem_.width), go_on);
    }
  }

  float* scores_of(std::int64_t row) { return scores_ + row * kChunkKeys; }

  // Calls f(first row, rows, keys) for queries whose rows fill tiles, with what the last of them
  // sees of a piece.
  template <class F>
  void for_each_run(const Piece& piece, F f) {
    for (int query = 0; query < queries_; query += run_) {
      const int last = std::min(query + run_, queries_);
      const int seen = std::min(block_.seen[last - 1] - piece.before, piece.count);
      if (seen > 0) f(query * problem_.per_group, (last - query) * problem_.per_group, seen);
    }
  }

  // Turns the scores of one row with the keys of a chunk, `before` and the next, into weights
  // relative to their maximum; those of keys that it does not see are 0.
  void weigh(int row, std::int64_t group, std::int32_t before, std::int32_t keys,
             PartialRows rows) {
    const int own = std::clamp(block_.seen[row / problem_.per_group] - before, 0, keys);
    float* scores = scores_of(row);
    std::fill(scores + own, scores + keys, 0.0f);
    rows.maximum[row] = -kInfinity;
    rows.sum[row] = 0;
    if (own == 0) return;
    adjust(row, group, before, own, scores);
    rows.maximum[row] = tiles_.max(scores, own);
    rows.sum[row] = tiles_.exp_and_sum(scores, own, rows.maximum[row]);
  }

  // Makes of products what weights follow from: `count` keys after `before` others.
  void adjust(int row, std::int64_t group, std::int32_t before, int count, float* scores) const {
    const int query = row / problem_.per_group;
    if (problem_.bias.present()) {  // the last key that a query sees is its own
      problem_.bias.add_in_order(block_.begin + query,
                                 group * problem_.per_group + row % problem_.per_group,
                                 before - (block_.seen[query] - 1), count, scores);
    }
    cap(problem_.form, scores, count);
  }

  const AttentionTiles& tiles_ = attention_tiles();
  const PagedProblem& problem_;
  const PackedKeys* keys_;
  const PagedBlock& block_;
  std::int64_t first_group_, last_group_;
  int queries_, of_group_;  // of_group_: rows of a key head
  int run_;
  bool widens_;
  const float* q_ = nullptr;  // in the order of rows
  float *scores_ = nullptr, *wide_ = nullptr;
};

// The unfinished rows of every chunk of every block.
class Partials {
 public:
  Partials(const PagedProblem& problem, const std::vector<PagedBlock>& blocks) : problem_(problem) {
    std::int64_t size = 0;
    for (const PagedBlock& block : blocks) {
      places_.push_back(size);
      size += chunk_size(block) * block.chunks();
    }
    memory_ = Tensor::empty({size});
  }

  PartialRows at(const std::vector<PagedBlock>& blocks, std::size_t number, std::int32_t chunk) {
    const PagedBlock& block = blocks[number];
    const std::int64_t rows = rows_of(block);
    float* outputs = memory_.data<float>() + places_[number] + chunk * chunk_size(block);
    float* maximum = outputs + rows * problem_.width;
    return {outputs, maximum, maximum + rows};
  }

 private:
  std::int64_t rows_of(const PagedBlock& block) const {
    return (block.end - block.begin) * problem_.heads;
  }
  std::int64_t chunk_size(const PagedBlock& block) const {
    return rows_of(block) * (problem_.width + 2);
  }

  const PagedProblem& problem_;
  std::vector<std::int64_t> places_;
  Tensor memory_;
};

// A unit of work is one chunk of one block; then one block's head is merged.
void attend_in_chunks(const PagedProblem& problem, const std::vector<PagedBlock>& blocks,
                      float* out) {
  struct Part {
    std::size_t block;
    std::int32_t chunk;
  };
  std::vector<Part> parts;
  for (std::size_t block = 0; block < blocks.size(); ++block) {
    for (std::int32_t chunk = 0; chunk < blocks[block].chunks(); ++chunk) {
      parts.push_back({block, chunk});
    }
  }
  Partials partials(problem, blocks);
  parallel_for(std::ssize(parts), 1, [&](std::int64_t number, std::int64_t) {
    const auto [block, chunk] = parts[static_cast<std::size_t>(number)];
    PagedWork work(problem, blocks[block], 0, problem.groups);
    work.attend(chunk, work.begin_of(chunk + 1), partials.at(blocks, block, chunk));
  });
  const auto merge_head = [&](std::int64_t unit) {
    const auto number = static_cast<std::size_t>(unit / problem.heads);
    const PagedBlock& block = blocks[number];
    const PagedWork work(problem, block, 0, problem.groups);
    const PartialRows total = partials.at(blocks, number, 0);
    const EachStep rows = work.rows_of_head(unit % problem.heads);
    for (std::int32_t chunk = 1; chunk < block.chunks(); ++chunk) {
      work.merge(total, partials.at(blocks, number, chunk), rows);
    }
    for (std::int64_t row = rows.first; row < rows.last; row += rows.step) {
      work.finish(total, row, out);
    }
  };
  // Few chunks are merged sooner than another thread would wake.
  constexpr std::int64_t kChunksAtOnce = 64;
  const std::int64_t chunks_of_block = std::ssize(parts) / std::ssize(blocks) + 1;
  parallel_for(std::ssize(blocks) * problem.heads,
               std::max(kChunksAtOnce / chunks_of_block, std::int64_t{1}),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t unit = first; unit < last; ++unit) merge_head(unit);
               });
}

// The units of each thread's share of a loop, which are those of the tokens that it has in other
// loops, too. Late blocks of a prompt see most: they go first, small ones fill the gaps.
std::vector<std::size_t> order_of(std::size_t units) {
  std::vector<std::size_t> order;
  order.reserve(units);
  const auto shares = static_cast<std::size_t>(loop_shares());
  for (std::size_t share = 0; share < shares; ++share) {
    for (std::size_t i = units * (share + 1) / shares; i > units * share / shares; --i) {
      order.push_back(i - 1);
    }
  }
  return order;
}

void attend_whole(const PagedProblem& problem, const PagedPlan& plan, float* out) {
  const std::vector<PagedUnit>& units = plan.units;
  const PackedKeys keys(problem, plan.blocks);
  const std::vector<std::size_t> order = order_of(units.size());
  parallel_for(std::ssize(units), 1, [&](std::int64_t number, std::int64_t) {
    const auto place = static_cast<std::size_t>(number);
    const std::size_t index = order[place];
    const auto work_of = [&](const PagedUnit& unit) {
      return PagedWork(problem, *unit.block, unit.first_group, unit.last_group, &keys);
    };
    const PagedBlock& block = *units[index].block;
    PagedWork work = work_of(units[index]);
    const Visit following =
        place + 1 < order.size() ? work_of(units[order[place + 1]]).begin_of(0) : Visit{};
    const std::int64_t rows = work.rows(), size = rows * (problem.width + 2);
    auto* const memory = PagedScratch::of_thread().rows.at_least<float>(2 * size);
    const auto rows_at = [&](float* at) {
      return PartialRows{at, at + rows * problem.width, at + rows * (problem.width + 1)};
    };
    const PartialRows total = rows_at(memory), part = rows_at(memory + size);
    const auto next = [&](std::int32_t chunk) {
      return chunk + 1 < block.chunks() ? work.begin_of(chunk + 1) : following;
    };
    work.attend(0, next(0), total);
    for (std::int32_t chunk = 1; chunk < block.chunks(); ++chunk) {
      work.add(chunk, next(chunk), total, part);
    }
    for (std::int64_t row = 0; row < rows; ++row) work.finish(total, row, out);
  });
}

PagedProblem problem_of(const float* q, std::int64_t heads, const Tensor& pages,
                        const Visibility& visibility, ScoreForm form, const RelativeBias& bias) {
  const std::int64_t groups = pages.size(1);
  const int width = static_cast<int>(pages.size(4));
  return {q,
          pages,
          visibility,
          heads,
          groups,
          width,
          static_cast<int>(heads / groups),
          form,
          AttentionBias(bias, heads),
          RoundActivations::in_force() == Rounding::passage && pages.dtype() == DType::f16 &&
              attends_by_amx(width)};
}

void attend(const PagedProblem& problem, float* out) {
  for (std::int32_t query = 0; query < problem.visibility.queries(); ++query) {
    if (keys_in(problem.ranges(query)) > 0) continue;
    const std::int64_t row = problem.heads * problem.width;  // in no block
    std::fill_n(out + query * row, row, 0.0f);
  }
  const PagedPlan& plan = PagedPlan::of(problem);
  if (plan.in_chunks) {
    attend_in_chunks(problem, plan.blocks, out);
  } else {
    attend_whole(problem, plan, out);
  }
}

}  // namespace

void attend_pages(const float* q, std::int64_t heads, const Tensor& pages,
                  const Visibility& visibility, ScoreForm form, float* out) {
  attend(problem_of(q, heads, pages, visibility, form, {}), out);
}

Tensor paged_attention(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                       ScoreForm form, const RelativeBias& bias) {
  const Tensor queries = padded(q);
  Tensor output = Tensor::empty(queries.shape());
  attend(problem_of(queries.data<float>(), q.size(1), pages, visibility, form, bias),
         output.data<float>());
  return without_padding(output, q.size(2));
}

}  // namespace bantam::cpu
