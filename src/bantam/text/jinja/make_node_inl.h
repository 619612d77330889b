// How the expression parser makes nodes: with their line, and no deeper than a thread's stack
// allows.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bantam/text/jinja/parser.h"

namespace bantam::jinja {

// Longer chains of operators do not occur; deeper trees would need more stack than a thread has.
inline constexpr int tree_depth_limit = 400;

template <class T>
std::unique_ptr<T> ExpressionParser::make() const {
  auto node = std::make_unique<T>();
  node->line = reader_.peek().line;
  return node;
}

template <class T, class... Children>
std::unique_ptr<T> ExpressionParser::deepen(std::unique_ptr<T> node,
                                            const Children&... children) const {
  const auto include = [&](const ExpressionPointer& child) {
    if (child) node->depth = std::max(node->depth, child->depth + 1);
  };
  (include(children), ...);
  if (node->depth > tree_depth_limit) {
    throw reader_.fail(fmt::format("expression deeper than {}", tree_depth_limit));
  }
  return node;
}

}  // namespace bantam::jinja
