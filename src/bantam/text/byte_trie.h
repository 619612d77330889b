// Finding every entry of a word list that a text begins with.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace bantam {

/// From byte strings to non-negative numbers. Immutable once filled; any thread may read.
class ByteTrie {
 public:
  ByteTrie();
  /// A later value for the same key takes the place of the earlier one. No empty keys. Throws
  /// Error(input) when the keys have more than 2^24 different beginnings.
  void insert(std::string_view key, std::int32_t value);

  /// visit(length, value) for each entry that `text` begins with, shortest first.
  template <class Visit>
  void visit_prefixes(std::string_view text, Visit visit) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Edge& edge = edges_[find(node, static_cast<unsigned char>(text[i]))];
      if (edge.child == 0) return;
      node = edge.child;
      if (edge.value >= 0) visit(i + 1, edge.value);
    }
  }
  /// Length and value of the longest such entry; length 0 if there is none.
  std::pair<std::size_t, std::int32_t> longest_prefix(std::string_view text) const {
    std::pair<std::size_t, std::int32_t> longest{0, -1};
    visit_prefixes(text, [&](std::size_t length, std::int32_t value) {
      longest = {length, value};
    });
    return longest;
  }

 private:
  struct Edge {
    std::uint32_t key = 0;    // parent node and byte
    std::uint32_t child = 0;  // 0: no edge here
    std::int32_t value = -1;  // of the key that ends here
  };
  static constexpr std::uint32_t node_limit = 1u << 24;

  /// Where the edge of a node is, or would be. Those of the root have their own places, first of
  /// all; the rest is open addressing, at most half full.
  std::size_t find(std::uint32_t node, unsigned char byte) const {
    if (node == 0) return byte;
    const std::uint32_t key = node << 8 | byte;
    std::size_t slot = (key * 0x9E3779B97F4A7C15ull >> 32) & mask_;
    while (edges_[256 + slot].child != 0 && edges_[256 + slot].key != key)
      slot = (slot + 1) & mask_;
    return 256 + slot;
  }
  void grow();

  std::vector<Edge> edges_;
  std::uint64_t mask_;
  std::uint32_t nodes_ = 1;
};

}  // namespace bantam
