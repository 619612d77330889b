// Attention of new tokens over pages of stored keys and values (ops/paged_attention.h).
//
// A query's keys are walked piece by piece, a piece being what it sees of one page, with a running
// maximum that begins anew every kChunkPieces pieces; chunks are merged in order. All of this
// follows from the query's own list of keys. So pieces of work may be cut as suits: chunks of one
// long context go to several threads, and queries of one sequence whose lists begin alike share
// what they read, with the same bits.
#include "bantam/tensor/ops/paged_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/cpu/kernels.h"

namespace bantam::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Pieces a chunk: 128 keys take about 10 microseconds, enough to hand to a thread, and merging a
// chunk costs a fiftieth of that.
constexpr std::int32_t kChunkPieces = 4;
// Below this many units of work, the chunks of each are handed out singly.
constexpr std::size_t kFewUnits = 16;
// From here on rows of one key head that meet a piece widen it first rather than each for itself.
constexpr int kManyRows = 7;

struct PagedProblem {
  const float* q;
  const Tensor& pages;
  const Visibility& visibility;
  std::int64_t heads, groups;
  int width, per_group;
  ScoreForm form;
  AttentionBias bias;

  bool is_half() const { return pages.dtype() == DType::f16; }
  std::int32_t queries_per_block() const { return std::max(1, kBlockRows / per_group); }
  std::span<const KeyRange> ranges(std::int32_t query) const {
    const auto first = visibility.ranges.begin() + visibility.first[query];
    return {first, visibility.ranges.begin() + visibility.first[query + 1]};
  }
};

struct Piece {
  std::int32_t row;     ///< the first
  std::int32_t count;   ///< rows, all in one page
  std::int32_t before;  ///< keys of the block's list that precede
};

// Queries of which each sees the beginning of what the last one sees.
struct PagedBlock {
  std::int32_t begin = 0, end = 0;
  std::vector<std::int32_t> seen;  ///< keys of each query, ascending
  std::vector<Piece> pieces;       ///< what the last one sees

  std::int32_t chunks() const {
    return (static_cast<std::int32_t>(pieces.size()) + kChunkPieces - 1) / kChunkPieces;
  }
};

std::int32_t keys_in(std::span<const KeyRange> ranges) {
  std::int32_t total = 0;
  for (const KeyRange& range : ranges) total += range.end - range.begin;
  return total;
}

bool begins_with(std::span<const KeyRange> longer, std::span<const KeyRange> list) {
  if (longer.size() < list.size()) return false;
  const std::size_t last = list.size() - 1;
  return std::equal(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(last),
                    longer.begin()) &&
         longer[last].begin == list[last].begin && longer[last].end >= list[last].end;
}

std::vector<Piece> pieces_of(std::span<const KeyRange> ranges) {
  constexpr auto kRows = static_cast<std::int32_t>(kPageRows);
  std::vector<Piece> pieces;
  std::int32_t before = 0;
  for (const KeyRange& range : ranges) {
    for (std::int32_t row = range.begin; row < range.end;) {
      const std::int32_t end = std::min(range.end, (row / kRows + 1) * kRows);
      pieces.push_back({row, end - row, before});
      before += end - row;
      row = end;
    }
  }
  return pieces;
}

// Queries that see nothing are in no block.
std::vector<PagedBlock> paged_blocks(const PagedProblem& problem) {
  std::vector<PagedBlock> blocks;
  const auto close = [&] {
    if (!blocks.empty()) blocks.back().pieces = pieces_of(problem.ranges(blocks.back().end - 1));
  };
  for (std::int32_t query = 0; query < problem.visibility.queries(); ++query) {
    const std::span<const KeyRange> ranges = problem.ranges(query);
    const std::int32_t seen = keys_in(ranges);
    if (seen == 0) continue;
    const bool joins = !blocks.empty() && blocks.back().end == query &&
                       query - blocks.back().begin < problem.queries_per_block() &&
                       begins_with(ranges, problem.ranges(query - 1));
    if (!joins) {
      close();
      blocks.push_back({query, query, {}, {}});
    }
    blocks.back().end = query + 1;
    blocks.back().seen.push_back(seen);
  }
  close();
  return blocks;
}

// Unfinished rows, one a query and head, [key heads][queries][heads of a key head]: weighted sums
// of values relative to exp(maximum), and the sums of the weights.
struct PartialRows {
  float *outputs, *maximum, *sum;

  PartialRows from(std::int64_t row, int width) const {
    return {outputs + row * width, maximum + row, sum + row};
  }
};

// Rows of a block's queries and some of its key heads over some of its keys.
class PagedWork {
 public:
  PagedWork(const PagedProblem& problem, const PagedBlock& block, std::int64_t first_group,
            std::int64_t last_group)
      : problem_(problem),
        block_(block),
        first_group_(first_group),
        last_group_(last_group),
        queries_(block.end - block.begin),
        of_group_(queries_ * problem.per_group),
        // Queries whose rows fill tiles together.
        run_(tiles_.rows / std::gcd(tiles_.rows, problem.per_group)),
        widens_(problem.is_half() && of_group_ >= kManyRows) {}

  std::int64_t rows() const { return (last_group_ - first_group_) * of_group_; }

  /// Fills its rows with what they sum over one chunk of pieces.
  void attend(std::int32_t chunk, PartialRows rows) {
    make_room();
    std::fill_n(rows.outputs, this->rows() * problem_.width, 0.0f);
    std::fill_n(rows.maximum, this->rows(), -kInfinity);
    std::fill_n(rows.sum, this->rows(), 0.0f);
    const auto first = block_.pieces.begin() + chunk * kChunkPieces;
    const auto last = block_.pieces.begin() + std::min<std::ptrdiff_t>((chunk + 1) * kChunkPieces,
                                                                       std::ssize(block_.pieces));
    for (auto piece = first; piece != last; ++piece) {
      for (std::int64_t group = first_group_; group < last_group_; ++group) {
        attend(*piece, group, rows);
      }
    }
  }

  /// Adds what a later chunk gave.
  void merge(PartialRows into, PartialRows chunk) const {
    for (std::int64_t row = 0; row < rows(); ++row) {
      if (chunk.sum[row] == 0) continue;  // not seen by this row; NaN is not 0
      const float before = into.maximum[row], most = std::max(before, chunk.maximum[row]);
      const float kept = std::exp(before - most), added = std::exp(chunk.maximum[row] - most);
      float* out = into.outputs + row * problem_.width;
      if (kept != 1.0f) tiles_.multiply(out, problem_.width, kept);
      tiles_.mix(out, problem_.width, 1, &added, 1, 1,
                 {chunk.outputs + row * problem_.width, problem_.width, 1}, problem_.width);
      into.maximum[row] = most;
      into.sum[row] = into.sum[row] * kept + chunk.sum[row] * added;
    }
  }

  /// Writes finished rows to out [all queries][heads][width].
  void finish(PartialRows rows, float* out) const {
    for (std::int64_t row = 0; row < this->rows(); ++row) {
      tiles_.multiply(rows.outputs + row * problem_.width, problem_.width, 1.0f / rows.sum[row]);
    }
    const std::int64_t together = problem_.per_group * problem_.width;
    for (std::int64_t group = first_group_; group < last_group_; ++group) {
      for (std::int64_t query = 0; query < queries_; ++query, rows.outputs += together) {
        std::copy_n(rows.outputs, together, out + offset_of(query, group));
      }
    }
  }

 private:
  // Of the first row of a query and key head in q and out.
  std::int64_t offset_of(std::int64_t query, std::int64_t group) const {
    return ((block_.begin + query) * problem_.heads + group * problem_.per_group) * problem_.width;
  }

  void make_room() {
    if (!scores_.empty()) return;
    const std::int64_t together = problem_.per_group * problem_.width;
    scores_.resize(
        static_cast<std::size_t>(std::min(run_, queries_) * problem_.per_group * kPageRows));
    if (widens_) wide_.resize(static_cast<std::size_t>(2 * kPageRows * problem_.width));
    q_ = problem_.q + offset_of(0, first_group_);
    if (queries_ == 1) return;  // in order already
    gathered_.resize(static_cast<std::size_t>(rows() * problem_.width));
    float* to = gathered_.data();
    for (std::int64_t group = first_group_; group < last_group_; ++group) {
      for (std::int64_t query = 0; query < queries_; ++query) {
        to = std::copy_n(problem_.q + offset_of(query, group), together, to);
      }
    }
    q_ = gathered_.data();
  }

  void attend(const Piece& piece, std::int64_t group, PartialRows rows) {
    const std::int64_t size = kPageRows * problem_.width;
    const std::int64_t keys = (piece.row / kPageRows * problem_.groups + group) * 2 * size +
                              piece.row % kPageRows * problem_.width;
    if (!problem_.is_half()) {
      const float* from = problem_.pages.data<float>() + keys;
      attend(piece, group, rows, from, from + size, tiles_.dots, tiles_.mix);
    } else if (widens_) {
      const std::uint16_t* from = problem_.pages.data<std::uint16_t>() + keys;
      tiles_.widen(from, piece.count * problem_.width, wide_.data());
      tiles_.widen(from + size, piece.count * problem_.width, wide_.data() + size);
      attend(piece, group, rows, wide_.data(), wide_.data() + size, tiles_.dots, tiles_.mix);
    } else {
      const std::uint16_t* from = problem_.pages.data<std::uint16_t>() + keys;
      attend(piece, group, rows, from, from + size, tiles_.dots_half, tiles_.mix_half);
    }
  }

  template <class Element, class Dots, class Mix>
  void attend(const Piece& piece, std::int64_t group, PartialRows rows, const Element* keys,
              const Element* values, Dots dots, Mix mix) {
    const int width = problem_.width, per_group = problem_.per_group;
    const std::int64_t first = (group - first_group_) * of_group_;
    for (int query = 0; query < queries_; query += run_) {
      const int last = std::min(query + run_, queries_);
      const int most = std::min(block_.seen[last - 1] - piece.before, piece.count);
      if (most <= 0) continue;
      const std::int64_t row = first + query * per_group;
      const int count = (last - query) * per_group;
      dots({q_ + row * width, width, count}, {keys, width, most}, width, problem_.form.scale,
           scores_.data(), kPageRows);
      for (int i = 0; i < count; ++i) {
        float* scores = scores_.data() + i * kPageRows;
        const int number = query + i / per_group;
        const int seen = block_.seen[number];
        const int own = std::clamp(seen - piece.before, 0, most);
        if (problem_.bias.present()) {  // the last key that a query sees is its own
          problem_.bias.add_in_order(block_.begin + number, group * per_group + i % per_group,
                                     piece.before - (seen - 1), own, scores);
        }
        cap(problem_.form, scores, own);
        add_scores(rows, row + i, scores, own, most);
      }
      mix(rows.outputs + row * width, width, count, scores_.data(), kPageRows, 1,
          {values, width, most}, width);
    }
  }

  // Turns the first `own` of `count` scores into weights relative to the new maximum, the others
  // into 0, and moves what was summed so far to that maximum.
  void add_scores(PartialRows rows, std::int64_t row, float* scores, int own, int count) {
    std::fill(scores + own, scores + count, 0.0f);
    if (own == 0) return;
    const float before = rows.maximum[row];
    const float most = std::max(before, tiles_.max(scores, own));
    float kept = 1;
    if (most != before && before != -kInfinity) {
      kept = std::exp(before - most);
      tiles_.multiply(rows.outputs + row * problem_.width, problem_.width, kept);
    }
    rows.maximum[row] = most;
    rows.sum[row] = rows.sum[row] * kept + tiles_.exp_and_sum(scores, own, most);
  }

  const AttentionTiles& tiles_ = attention_tiles();
  const PagedProblem& problem_;
  const PagedBlock& block_;
  std::int64_t first_group_, last_group_;
  int queries_, of_group_;  // of_group_: rows of a key head
  int run_;
  bool widens_;
  const float* q_ = nullptr;  // in the order of rows
  std::vector<float> gathered_, scores_, wide_;
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

// A unit of work is one chunk of one block; then one block's key head is merged.
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
    PagedWork(problem, blocks[block], 0, problem.groups)
        .attend(chunk, partials.at(blocks, block, chunk));
  });
  parallel_for(std::ssize(blocks) * problem.groups, 1, [&](std::int64_t unit, std::int64_t) {
    const auto number = static_cast<std::size_t>(unit / problem.groups);
    const std::int64_t group = unit % problem.groups;
    const PagedWork work(problem, blocks[number], group, group + 1);
    const auto of_chunk = [&](std::int32_t chunk) {
      return partials.at(blocks, number, chunk).from(group * work.rows(), problem.width);
    };
    for (std::int32_t chunk = 1; chunk < blocks[number].chunks(); ++chunk) {
      work.merge(of_chunk(0), of_chunk(chunk));
    }
    work.finish(of_chunk(0), out);
  });
}

struct PagedUnit {
  const PagedBlock* block;
  std::int64_t first_group, last_group;
};

// A single query reads pages from end to end; several compute more than they read and are cut by
// key head.
std::vector<PagedUnit> units_of(const std::vector<PagedBlock>& blocks, std::int64_t groups) {
  std::vector<PagedUnit> units;
  for (const PagedBlock& block : blocks) {
    const std::int64_t together = block.end - block.begin == 1 ? groups : 1;
    for (std::int64_t group = 0; group < groups; group += together) {
      units.push_back({&block, group, group + together});
    }
  }
  return units;
}

void attend_whole(const PagedProblem& problem, const std::vector<PagedUnit>& units, float* out) {
  parallel_for(std::ssize(units), 1, [&](std::int64_t number, std::int64_t) {
    // Late blocks of a prompt see most: they go first, small ones fill the gaps.
    const PagedUnit& unit = units[units.size() - 1 - static_cast<std::size_t>(number)];
    const PagedBlock& block = *unit.block;
    PagedWork work(problem, block, unit.first_group, unit.last_group);
    const std::int64_t rows = work.rows(), size = rows * (problem.width + 2);
    const auto memory = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(2 * size));
    const auto rows_at = [&](float* at) {
      return PartialRows{at, at + rows * problem.width, at + rows * (problem.width + 1)};
    };
    const PartialRows total = rows_at(memory.get()), part = rows_at(memory.get() + size);
    work.attend(0, total);
    for (std::int32_t chunk = 1; chunk < block.chunks(); ++chunk) {
      work.attend(chunk, part);
      work.merge(total, part);
    }
    work.finish(total, out);
  });
}

}  // namespace

Tensor paged_attention(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                       ScoreForm form, const RelativeBias& bias) {
  const Tensor queries = padded(q);
  const std::int64_t heads = q.size(1), groups = pages.size(1);
  const PagedProblem problem{queries.data<float>(),
                             pages,
                             visibility,
                             heads,
                             groups,
                             static_cast<int>(queries.size(2)),
                             static_cast<int>(heads / groups),
                             form,
                             AttentionBias(bias, heads)};
  // Queries that see nothing keep zeros.
  Tensor output = Tensor::zeros(queries.shape());
  const std::vector<PagedBlock> blocks = paged_blocks(problem);
  const std::vector<PagedUnit> units = units_of(blocks, groups);
  if (units.size() < kFewUnits) {
    attend_in_chunks(problem, blocks, output.data<float>());
  } else {
    attend_whole(problem, units, output.data<float>());
  }
  return without_padding(output, q.size(2));
}

void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values) {
  const std::int64_t groups = keys.size(1), width = keys.size(2), padded = pages.size(4);
  const AttentionTiles& tiles = attention_tiles();
  const auto write = [&](const Tensor& source, std::int64_t side) {
    const float* from = source.data<float>();
    for (const std::int32_t row : rows) {
      for (std::int64_t group = 0; group < groups; ++group, from += width) {
        const std::int64_t block = (row / kPageRows * groups + group) * 2 + side;
        const std::int64_t to = (block * kPageRows + row % kPageRows) * padded;
        if (pages.dtype() == DType::f32) {
          float* out = pages.data<float>() + to;
          std::fill(std::copy_n(from, width, out), out + padded, 0.0f);
        } else {
          std::uint16_t* out = pages.data<std::uint16_t>() + to;
          tiles.narrow(from, static_cast<int>(width), out);
          std::fill(out + width, out + padded, std::uint16_t{0});
        }
      }
    }
  };
  write(keys, 0);
  write(values, 1);
}

}  // namespace bantam::cpu
