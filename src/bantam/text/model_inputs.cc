#include "bantam/text/model_inputs.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace bantam {

bool shorten(ModelInput& input, std::int64_t longest) {
  const std::int64_t surplus = std::ssize(input.ids) - longest;
  if (surplus <= 0) return false;
  std::int64_t kept[] = {std::ranges::count(input.text, 0), std::ranges::count(input.text, 1)};
  for (std::int64_t i = 0; i < surplus && kept[0] + kept[1] > 0; ++i) {
    --kept[kept[0] > kept[1] ? 0 : 1];
  }
  std::size_t end = 0;
  for (std::size_t i = 0; i < input.ids.size(); ++i) {
    if (input.text[i] >= 0 && --kept[input.text[i]] < 0) continue;
    input.ids[end] = input.ids[i];
    input.type_ids[end] = input.type_ids[i];
    input.offsets[end] = input.offsets[i];
    input.text[end] = input.text[i];
    ++end;
  }
  input.ids.resize(end);
  input.type_ids.resize(end);
  input.offsets.resize(end);
  input.text.resize(end);
  return true;
}

std::vector<std::size_t> longest_first(std::span<const ModelInput> inputs) {
  std::vector<std::size_t> order(inputs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t i) { return inputs[i].ids.size(); });
  return order;
}

}  // namespace bantam
