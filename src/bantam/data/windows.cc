#include "bantam/data/windows.h"

#include <algorithm>

namespace bantam {

std::vector<Example> windows_of(const Example& example, std::size_t length) {
  std::vector<Example> windows;
  std::size_t begin = 0;
  do {
    const std::size_t end = std::min(begin + length, example.ids.size());
    const auto from = static_cast<std::ptrdiff_t>(begin), to = static_cast<std::ptrdiff_t>(end);
    Example window;
    window.ids.assign(example.ids.begin() + from, example.ids.begin() + to);
    window.weights.assign(example.weights.begin() + from, example.weights.begin() + to);
    if (!window.weights.empty()) window.weights[0] = 0;
    windows.push_back(std::move(window));
    begin = end - 1;
  } while (begin + 1 < example.ids.size());
  return windows;
}

}  // namespace bantam
