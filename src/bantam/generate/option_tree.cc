#include "bantam/generate/option_tree.h"

#include <map>
#include <utility>

namespace bantam {

OptionTree make_option_tree(std::span<const std::vector<std::int32_t>> options) {
  OptionTree tree;
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> known;  // (parent, token) -> node
  for (const std::vector<std::int32_t>& option : options) {
    std::vector<OptionTree::Prediction> predictions;
    std::int32_t at = -1;
    for (std::size_t i = 0; i < option.size(); ++i) {
      predictions.push_back({at, option[i]});
      if (i + 1 == option.size()) break;
      const auto next = static_cast<std::int32_t>(tree.inner.size());
      const auto [found, fresh] = known.emplace(std::pair{at, option[i]}, next);
      if (fresh) tree.inner.push_back({option[i], at});
      at = found->second;
    }
    tree.options.push_back(std::move(predictions));
  }
  return tree;
}

}  // namespace bantam
