// The rate of something that is done again and again, as every bound of the machine is measured.
#pragma once

#include <chrono>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/recipe/bench/spread.h"

namespace bantam {

/// `amount_of_one()` does the work once and returns how much it was, of whatever is counted. Called
/// once unmeasured, then for at least a twentieth of a second a sample. Amounts a second.
template <class Body>
Spread measure_rate(int repeat, Body&& amount_of_one) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSampleSeconds = 0.05;
  amount_of_one();
  std::vector<double> rates;
  for (int i = 0; i < repeat; ++i) {
    const Clock::time_point start = Clock::now();
    double amount = 0, seconds = 0;
    do {
      amount += amount_of_one();
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
    } while (seconds < kSampleSeconds);
    rates.push_back(amount / seconds);
  }
  return spread_of(std::move(rates));
}

/// Sets the number of threads while alive.
class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(thread_count()) { set_thread_count(count); }
  ~ThreadCount() { set_thread_count(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace bantam
