// Gradient checkpointing (arXiv:1604.06174): forget a segment's intermediate values, compute them
// again in backward.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// segment(inputs), with nothing inside recorded; backward runs the segment again on a tape of its
/// own. Leaves used inside (weights) receive their gradients through the same sink. The segment
/// must be a pure function: the second run has to give the same bits. Values that the running tape
/// recorded must come in through `inputs`: backward throws Error(internal) when the segment reaches
/// one that it captured.
Tensor checkpoint(const std::function<Tensor(std::span<const Tensor>)>& segment,
                  std::vector<Tensor> inputs);

}  // namespace bantam
