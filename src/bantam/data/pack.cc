#include "bantam/data/pack.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "bantam/base/error.h"

namespace bantam {
namespace {

/// Room left in each bin, with the leftmost bin that has enough found in logarithmic time: a tree
/// of maxima.
class FirstFit {
 public:
  FirstFit(std::size_t bins, std::int64_t capacity)
      : leaves_(std::bit_ceil(std::max<std::size_t>(bins, 1))) {
    room_.assign(2 * leaves_, capacity);
  }

  std::size_t place(std::int64_t size) {
    std::size_t node = 1;
    while (node < leaves_) node = 2 * node + (room_[2 * node] >= size ? 0 : 1);
    room_[node] -= size;
    const std::size_t bin = node - leaves_;
    for (node /= 2; node > 0; node /= 2)
      room_[node] = std::max(room_[2 * node], room_[2 * node + 1]);
    return bin;
  }

 private:
  std::size_t leaves_;
  std::vector<std::int64_t> room_;
};

PackedRow row_of(std::span<const Example> examples, std::vector<std::uint32_t> members) {
  PackedRow row;
  row.examples = std::move(members);
  for (const std::uint32_t i : row.examples) {
    const Example& example = examples[i];
    const auto start = static_cast<std::ptrdiff_t>(row.weights.size());
    row.ids.insert(row.ids.end(), example.ids.begin(), example.ids.end());
    row.weights.insert(row.weights.end(), example.weights.begin(), example.weights.end());
    row.weights[static_cast<std::size_t>(start)] = 0;
    row.segment_lengths.push_back(static_cast<std::int32_t>(example.ids.size()));
  }
  return row;
}

}  // namespace

std::vector<PackedRow> pack(std::span<const Example> examples, const PackOptions& options) {
  if (options.row_length < 2) {
    throw usage_error("pack: expected rows of at least 2 tokens, found {}", options.row_length);
  }
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < examples.size(); ++i) {
    if (examples[i].ids.size() > static_cast<std::size_t>(options.row_length)) {
      throw input_error("pack: {} has {} tokens, a row {}; shorten or split it first",
                        examples[i].id, examples[i].ids.size(), options.row_length);
    }
    if (!examples[i].ids.empty()) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return examples[a].ids.size() > examples[b].ids.size();
  });
  FirstFit bins(order.size(), options.row_length);
  std::vector<std::vector<std::uint32_t>> members(order.size());
  for (const std::uint32_t i : order) {
    members[bins.place(static_cast<std::int64_t>(examples[i].ids.size()))].push_back(i);
  }
  std::erase_if(members, [](const auto& bin) { return bin.empty(); });
  for (auto& bin : members) std::sort(bin.begin(), bin.end());
  std::sort(members.begin(), members.end());
  std::vector<PackedRow> rows;
  for (auto& bin : members) rows.push_back(row_of(examples, std::move(bin)));
  return rows;
}

}  // namespace bantam
