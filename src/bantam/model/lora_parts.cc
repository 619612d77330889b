#include "bantam/model/lora_parts.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {

void place_rows(std::vector<LoraPart>& parts) {
  std::int64_t row = 0;
  for (LoraPart& part : parts) {
    part.first_row = row;
    row += part.outputs;
  }
}

LoraPair joined_lora(const std::vector<LoraPart>& parts, int rank) {
  if (parts.size() == 1) return parts.front().pair;
  const auto all_ranks = static_cast<std::int64_t>(parts.size()) * rank;
  const std::int64_t inputs = parts.front().inputs;
  const std::int64_t outputs = parts.back().first_row + parts.back().outputs;
  LoraPair whole{Tensor::zeros({all_ranks, inputs}), Tensor::zeros({outputs, all_ranks})};
  std::int64_t first_rank = 0;
  for (const LoraPart& part : parts) {
    if (part.pair.a.defined()) {
      const Tensor a = contiguous(part.pair.a), b = contiguous(part.pair.b);
      std::copy_n(a.data<float>(), a.count(), whole.a.data<float>() + first_rank * inputs);
      for (std::int64_t row = 0; row < part.outputs; ++row) {
        std::copy_n(b.data<float>() + row * rank, rank,
                    whole.b.data<float>() + (part.first_row + row) * all_ranks + first_rank);
      }
    }
    first_rank += rank;
  }
  return whole;
}

LoraPair part_of_lora(const LoraPair& pair, const LoraPart& part, const std::string& module) {
  const std::int64_t end = part.first_row + part.outputs;
  if (part.first_row == 0 && pair.b.size(0) == part.outputs) return pair;
  if (pair.b.size(0) < end) {
    throw input_error("{}: B is {}; the part for {} ends at row {}", escaped(module),
                      pair.b.shape().text(), part.site, end);
  }
  return {pair.a, contiguous(slice(pair.b, 0, part.first_row, end))};
}

}  // namespace bantam
