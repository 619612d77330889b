#include "bantam/text/training/unigram_lattice.h"

#include <cmath>
#include <limits>
#include <utility>

namespace bantam {
namespace {

constexpr double impossible = -std::numeric_limits<double>::infinity();

/// log(exp(a) + exp(b)); a is finite or impossible, b finite.
double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  const double difference = b - a;
  return difference < -40 ? a : a + std::log1p(std::exp(difference));  // beyond double's 53 bits
}

}  // namespace

UnigramLattice::UnigramLattice(std::span<const UnigramPiece> pieces) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    trie_.insert(pieces[i].text, static_cast<std::int32_t>(i));
    scores_.push_back(pieces[i].score);
  }
}

double UnigramLattice::add_expected(std::string_view word, double count,
                                    std::span<double> expected) const {
  struct Edge {
    std::uint32_t begin, end;
    std::int32_t piece;
  };
  thread_local std::vector<Edge> edges;
  thread_local std::vector<double> before, after;  // of each place: all ways to it, and from it on
  edges.clear();
  before.assign(word.size() + 1, impossible);
  after.assign(word.size() + 1, impossible);
  before[0] = after[word.size()] = 0;
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (before[at] == impossible) continue;
    trie_.visit_prefixes(word.substr(at), [&](std::size_t length, std::int32_t piece) {
      const std::size_t end = at + length;
      edges.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end), piece});
      before[end] = log_add(before[end], before[at] + scores_[static_cast<std::size_t>(piece)]);
    });
  }
  const double all = before[word.size()];
  for (std::size_t i = edges.size(); i-- > 0;) {
    const Edge& edge = edges[i];
    if (after[edge.end] == impossible) continue;
    const double rest = scores_[static_cast<std::size_t>(edge.piece)] + after[edge.end];
    after[edge.begin] = log_add(after[edge.begin], rest);
    expected[static_cast<std::size_t>(edge.piece)] +=
        count * std::exp(before[edge.begin] + rest - all);
  }
  return all;
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
