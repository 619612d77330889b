// Finding every entry of a word list that a text begins with.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bantam {

/// From byte strings to non-negative numbers. Immutable once filled; any thread may read.
class ByteTrie {
 public:
  ByteTrie();
  /// A later value for the same key takes the place of the earlier one. No empty keys.
  void insert(std::string_view key, std::int32_t value);

  /// visit(length, value) for each entry that `text` begins with, shortest first.
  template <class Visit>
  void visit_prefixes(std::string_view text, Visit visit) const {
    std::int32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node < 0) return;
      if (values_[static_cast<std::size_t>(node)] >= 0) {
        visit(i + 1, values_[static_cast<std::size_t>(node)]);
      }
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
  bool empty() const { return values_.size() == 1; }

 private:
  struct Edge {
    std::uint64_t key = ~std::uint64_t{0};  // parent node and byte
    std::int32_t child = -1;
  };
  static std::uint64_t key_of(std::int32_t node, unsigned char byte) {
    return static_cast<std::uint64_t>(node) << 8 | byte;
  }
  static std::uint64_t mixed(std::uint64_t key) {
    key *= 0x9E3779B97F4A7C15ull;
    return key ^ (key >> 32);
  }
  std::int32_t child(std::int32_t node, unsigned char byte) const {
    if (node == 0) return first_[byte];
    const std::uint64_t key = key_of(node, byte);
    for (std::uint64_t slot = mixed(key) & mask_;; slot = (slot + 1) & mask_) {
      if (edges_[slot].key == key) return edges_[slot].child;
      if (edges_[slot].child < 0) return -1;
    }
  }
  void add_edge(std::int32_t node, unsigned char byte, std::int32_t child);
  void grow();

  std::array<std::int32_t, 256> first_;  // children of the root
  std::vector<Edge> edges_;              // open addressing, at most half full
  std::uint64_t mask_;
  std::size_t edge_count_ = 0;
  std::vector<std::int32_t> values_;  // of each node, or -1
};

}  // namespace bantam
