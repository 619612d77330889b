// Rows of a table by token id.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

/// table [V, D] of any type, ids [T] i32 -> [T, D] f32 (f64 for an f64 table). Repeated ids add
/// their gradients. Throws Error(input) naming position, id and V when an id is outside the table.
Tensor embedding(const Tensor& table, const Tensor& ids);

}  // namespace bantam
