#include "bantam/text/byte_trie.h"

#include "bantam/base/error.h"

namespace bantam {

ByteTrie::ByteTrie() : edges_(256 + 64), mask_(63) {}

void ByteTrie::insert(std::string_view key, std::int32_t value) {
  std::uint32_t node = 0;
  std::size_t place = 0;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    place = find(node, byte);
    if (edges_[place].child == 0) {
      if (nodes_ == node_limit) {
        throw input_error("vocabulary: expected tokens with at most {} different beginnings",
                          node_limit);
      }
      if (2 * nodes_ > mask_) {
        grow();
        place = find(node, byte);
      }
      edges_[place] = {node << 8 | byte, nodes_++, -1};
    }
    node = edges_[place].child;
  }
  if (!key.empty()) edges_[place].value = value;
}

void ByteTrie::grow() {
  const std::vector<Edge> old = std::move(edges_);
  mask_ = 2 * mask_ + 1;
  edges_.assign(256 + mask_ + 1, Edge{});
  for (std::size_t i = 0; i < old.size(); ++i) {
    const Edge& edge = old[i];
    if (edge.child != 0) edges_[find(edge.key >> 8, static_cast<unsigned char>(edge.key))] = edge;
  }
}

}  // namespace bantam
