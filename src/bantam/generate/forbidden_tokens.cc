#include "bantam/generate/forbidden_tokens.h"

#include <algorithm>

namespace bantam {

std::vector<std::int32_t> ends_of_repeats(std::span<const std::int32_t> text,
                                          std::span<const std::int32_t> history, int size) {
  std::vector<std::int32_t> ends;
  if (size < 1 || history.size() + 1 < static_cast<std::size_t>(size)) return ends;
  const auto before = history.last(static_cast<std::size_t>(size) - 1);
  for (std::size_t begin = 0; begin + before.size() < text.size(); ++begin) {
    if (std::ranges::equal(text.subspan(begin, before.size()), before)) {
      ends.push_back(text[begin + before.size()]);
    }
  }
  return ends;
}

std::vector<std::int32_t> ends_of_sequences(std::span<const std::vector<std::int32_t>> sequences,
                                            std::span<const std::int32_t> history) {
  std::vector<std::int32_t> ends;
  for (const std::vector<std::int32_t>& sequence : sequences) {
    if (sequence.empty() || sequence.size() > history.size() + 1) continue;
    const auto before = std::span(sequence).first(sequence.size() - 1);
    if (std::ranges::equal(before, history.last(before.size()))) ends.push_back(sequence.back());
  }
  return ends;
}

}  // namespace bantam
