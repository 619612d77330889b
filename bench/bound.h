// What every micro-benchmark says beside its time: the least time that this machine needs for the
// same bytes and operations, and how much of that was reached.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>

#include "bantam/recipe/bench/model_cost.h"

namespace bantam::bench {

/// The larger of two times: to move `work.bytes` at the speed measured on a buffer of that size (a
/// cache, when they fit one), and to compute at the best rate of products. On all threads.
Bound machine_bound(const Work& work);

/// The body of a benchmark. Counters: "bound_us", and "share" of the bound that was reached (1 is
/// all of it); the label names what sets the bound.
template <class Body>
void time_against_bound(benchmark::State& state, const Work& work, Body&& body) {
  const Bound bound = machine_bound(work);
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) body();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  state.counters["bound_us"] = 1e6 * bound.seconds;
  state.counters["share"] = bound.seconds * static_cast<double>(state.iterations()) / taken.count();
  state.SetLabel(bound.by);
}

}  // namespace bantam::bench
