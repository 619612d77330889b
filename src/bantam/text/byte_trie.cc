#include "bantam/text/byte_trie.h"

namespace bantam {

ByteTrie::ByteTrie() : edges_(64), mask_(63), values_{-1} { first_.fill(-1); }

void ByteTrie::insert(std::string_view key, std::int32_t value) {
  std::int32_t node = 0;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<std::int32_t>(values_.size());
      values_.push_back(-1);
      add_edge(node, byte, next);
    }
    node = next;
  }
  values_[static_cast<std::size_t>(node)] = value;
}

void ByteTrie::add_edge(std::int32_t node, unsigned char byte, std::int32_t child) {
  if (node == 0) {
    first_[byte] = child;
    return;
  }
  if (2 * ++edge_count_ > edges_.size()) grow();
  const std::uint64_t key = key_of(node, byte);
  std::uint64_t slot = mixed(key) & mask_;
  while (edges_[slot].child >= 0) slot = (slot + 1) & mask_;
  edges_[slot] = {key, child};
}

void ByteTrie::grow() {
  std::vector<Edge> old(2 * edges_.size());
  old.swap(edges_);
  mask_ = edges_.size() - 1;
  for (const Edge& edge : old) {
    if (edge.child < 0) continue;
    std::uint64_t slot = mixed(edge.key) & mask_;
    while (edges_[slot].child >= 0) slot = (slot + 1) & mask_;
    edges_[slot] = edge;
  }
}

}  // namespace bantam
