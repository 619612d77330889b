// The CPU's table of kernels.
#pragma once

#include "bantam/tensor/backend.h"

namespace bantam::cpu {

const Backend& backend();

}  // namespace bantam::cpu
