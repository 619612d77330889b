// GELU with the error function, one vector of f32 at a time.
#pragma once

#include <cstdint>

namespace bantam::cpu {

/// y = x Φ(x); y may be x. Φ within 3e-7 of the distribution function.
void gelu_row(const float* x, float* y, std::int64_t count);
/// dx = dy (Φ(x) + x φ(x)).
void gelu_gradient_row(const float* dy, const float* x, float* dx, std::int64_t count);

}  // namespace bantam::cpu
