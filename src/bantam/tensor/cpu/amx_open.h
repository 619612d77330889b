// Tiles of a quantized weight in bf16, as the columns of a product.
#pragma once

#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/interleaved_weight.h"

namespace bantam::cpu {

/// Of one group of each row of a tile.
struct GroupScales {
  alignas(64) float scale[kAmxRows], minimum[kAmxRows];
};

/// What opens panels of a weight, which must outlive it.
OpenPanel panel_opener(const InterleavedWeight& weight);

}  // namespace bantam::cpu
