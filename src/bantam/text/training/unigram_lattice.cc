#include "bantam/text/training/unigram_lattice.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bantam {
namespace {

constexpr double impossible = -std::numeric_limits<double>::infinity();

// Probabilities are sums of products, not of logarithms, which takes a quarter of the time. Where
// they get small, those of this and later places are scaled up. Between two such places at most
// 16 characters of a piece, each above e^-24, cannot leave what a double holds.
constexpr double small = 1e-100, scale = 1e100;

}  // namespace

UnigramLattice::UnigramLattice(std::span<const UnigramPiece> pieces) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    trie_.insert(pieces[i].text, static_cast<std::int32_t>(i));
    scores_.push_back(pieces[i].score);
    probabilities_.push_back(std::exp(pieces[i].score));
  }
}

void UnigramLattice::add_expected(std::string_view word, double count,
                                  std::span<double> expected) const {
  struct Edge {
    std::uint32_t begin, end;
    std::int32_t piece;
    double probability;  // of all ways to its end that end with it
  };
  struct Place {
    double probability = 0;    // of all ways to it
    double passed = 0;         // how many of the drawn segmentations have a border here
    std::uint32_t scaled = 0;  // how often probabilities from here on were scaled up
  };
  thread_local std::vector<Edge> edges;
  thread_local std::vector<Place> places;
  edges.clear();
  places.assign(word.size() + 1, Place{});
  places[0].probability = 1;
  std::size_t farthest = 0;
  std::uint32_t scaled = 0;
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (places[at].probability > 0 && places[at].probability < small) {
      for (std::size_t i = at; i <= farthest; ++i) places[i].probability *= scale;
      ++scaled;
    }
    places[at].scaled = scaled;
    const double probability = places[at].probability;
    if (probability == 0) continue;
    trie_.visit_prefixes(word.substr(at), [&](std::size_t length, std::int32_t piece) {
      const std::size_t end = at + length;
      const double reached = probability * probabilities_[static_cast<std::size_t>(piece)];
      edges.push_back(
          {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end), piece, reached});
      places[end].probability += reached;
      farthest = std::max(farthest, end);
    });
  }
  places[word.size()].scaled = scaled;
  places[word.size()].passed = count;
  for (std::size_t i = edges.size(); i-- > 0;) {
    const Edge& edge = edges[i];
    const Place& end = places[edge.end];
    Place& begin = places[edge.begin];
    double share = edge.probability / end.probability;
    for (std::uint32_t n = begin.scaled; n < end.scaled; ++n) share *= scale;
    const double drawn = end.passed * share;
    begin.passed += drawn;
    expected[static_cast<std::size_t>(edge.piece)] += drawn;
  }
}

void UnigramLattice::best(std::string_view word, std::int32_t without,
                          std::vector<std::int32_t>& pieces) const {
  struct Node {
    double score = impossible;
    std::uint32_t begin = 0;
    std::int32_t piece = nothing;
  };
  thread_local std::vector<Node> nodes;
  nodes.assign(word.size() + 1, Node{});
  nodes[0].score = 0;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const double score = nodes[at].score;
    if (score == impossible) continue;
    trie_.visit_prefixes(word.substr(at), [&](std::size_t length, std::int32_t piece) {
      if (piece == without) return;
      const double reached = score + scores_[static_cast<std::size_t>(piece)];
      Node& node = nodes[at + length];
      if (reached > node.score) node = {reached, static_cast<std::uint32_t>(at), piece};
    });
  }
  pieces.clear();
  if (nodes[word.size()].piece == nothing) return;
  for (std::size_t end = word.size(); end > 0; end = nodes[end].begin) {
    pieces.push_back(nodes[end].piece);
  }
}

}  // namespace bantam
