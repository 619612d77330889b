// Exponentials over rows of f32, one vector at a time (Highway: the best instruction set of the
// running CPU). NaN stays NaN, so that training notices it; exp overflows to infinity.
#pragma once

#include <cstdint>

namespace bantam::cpu {

// y may be x.
void exp_row(const float* x, float* y, std::int64_t count);
void sigmoid_row(const float* x, float* y, std::int64_t count);
void silu_row(const float* x, float* y, std::int64_t count);
void tanh_row(const float* x, float* y, std::int64_t count);

/// out = x + y; out may be either.
void add_row(const float* x, const float* y, std::int64_t count, float* out);

/// Largest of `count` values; -infinity when there are none.
float max_row(const float* x, std::int64_t count);
/// False when a value is infinite or NaN.
bool finite_row(const float* x, std::int64_t count);
/// Sum in f32 over chunks of 256, chunks in f64.
double sum_row(const float* x, std::int64_t count);
/// In f64, in eight sums side by side: square i goes to sum i % 8, what is left of eights to the
/// first.
double sum_of_squares_row(const float* x, std::int64_t count);
/// y = exp(x - shift) and its sum, which runs as sum_row's does.
double exp_and_sum_row(const float* x, float shift, float* y, std::int64_t count);
/// log Σ exp(x); -infinity when every value is.
double log_sum_exp_row(const float* x, std::int64_t count);

// The same in f64, for tests and oracles: plain loops of the standard library.
double max_row(const double* x, std::int64_t count);
bool finite_row(const double* x, std::int64_t count);
double sum_row(const double* x, std::int64_t count);
double sum_of_squares_row(const double* x, std::int64_t count);
double exp_and_sum_row(const double* x, double shift, double* y, std::int64_t count);
double log_sum_exp_row(const double* x, std::int64_t count);

}  // namespace bantam::cpu
