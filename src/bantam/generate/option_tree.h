// The options of one question as a tree: tokens that several options begin with are one node.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

struct OptionTree {
  /// A token that must be read because an option goes on after it.
  struct Inner {
    std::int32_t token;
    std::int32_t parent;  ///< index of an earlier inner node; -1: the end of the context
  };
  /// One token whose probability counts: predicted after inner node `after` (-1: the context).
  struct Prediction {
    std::int32_t after;
    std::int32_t token;
  };
  std::vector<Inner> inner;
  std::vector<std::vector<Prediction>> options;  ///< for each option its tokens in order
};

OptionTree make_option_tree(std::span<const std::vector<std::int32_t>> options);

}  // namespace bantam
