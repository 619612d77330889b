#include "bantam/base/thread_team.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <system_error>
#include <thread>

namespace bantam::threads_detail {
namespace {

using Clock = std::chrono::steady_clock;
// A pause is 40 to 140 cycles. Loops of a forward pass follow each other within 20 microseconds;
// between two tokens, or when a loop of one thread lies between, it takes longer.
constexpr int kPauses = 2000;
constexpr std::chrono::microseconds kBeforeSleep{2000};

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True when `done` came true within some pauses.
template <class Done>
bool pause_until(const Done& done) {
  for (int i = 0; i < kPauses; ++i) {
    if (done()) return true;
    pause();
  }
  return false;
}

// GB/s at which a core asks for memory. One that asks for more than comes waits where it is
// Intel's; others drop what they have no room for, so that half of it never comes.
double rate_of_asking() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_is("intel") ? 64 : 16;
#else
  return 16;
#endif
}

// Lines to ask for while a core pauses once.
int lines_a_pause() {
  static const int lines = [] {
    constexpr int kCount = 50;
    Clock::duration shortest = Clock::duration::max();  // of runs that nothing interrupted
    for (int run = 0; run < 4; ++run) {
      const Clock::time_point begin = Clock::now();
      for (int i = 0; i < kCount; ++i) pause();
      shortest = std::min(shortest, Clock::now() - begin);
    }
    const auto nanoseconds = std::chrono::duration<double, std::nano>(shortest).count() / kCount;
    return std::clamp(static_cast<int>(nanoseconds * rate_of_asking() / 64), 1, 64);
  }();
  return lines;
}

// Asks for memory at the rate at which it comes, until `done`.
template <class Done>
void bring_near(const ReadAhead& next, const Done& done) {
  constexpr std::int64_t kLine = 64;
  const std::int64_t at_a_time = kLine * lines_a_pause();
  for (const auto& [memory, bytes] : next.parts) {
    const auto* at = static_cast<const char*>(memory);
    for (std::int64_t i = 0; i < bytes; i += at_a_time) {
      if (done()) return;
      const std::int64_t end = std::min(i + at_a_time, bytes);
      for (std::int64_t line = i; line < end; line += kLine) __builtin_prefetch(at + line);
      pause();
    }
  }
}

// Signals are for the threads of the program; a handler must not run on a helper.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Shares::Shares(std::int64_t chunks, int threads) : count_(std::min(threads, kMost)) {
  for (int i = 0; i < count_; ++i) {
    shares_[i].next.store(chunks * i / count_, std::memory_order_relaxed);
    shares_[i].end = chunks * (i + 1) / count_;
  }
}

ThreadTeam& ThreadTeam::instance() {
  // Never destroyed: helpers wait in it until the process ends.
  static auto* team = new ThreadTeam;
  return *team;
}

bool ThreadTeam::run(const Loop& loop) {
  const std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
  if (!owner) return false;
  hire(loop.threads - 1);
  loop_ = &loop;
  calls_.fetch_add(1);
  calls_.notify_all();
  loop.help(loop.self, 0);
  // A helper announces itself before it looks for a loop. So one that saw this loop is counted by
  // now, and one that comes later sees none.
  loop_ = nullptr;
  const auto alone = [this] { return inside_ == 0; };
  if (!pause_until(alone)) {
    while (!alone()) sched_yield();
  }
  return true;
}

void ThreadTeam::hire(int helpers) {
  if (helpers_ >= helpers) return;  // nearly always: no system call then
  const SignalsBlocked for_new_threads;
  while (helpers_ < helpers) {
    try {
      std::thread(&ThreadTeam::help_forever, this, helpers_ + 1).detach();
    } catch (const std::system_error&) {
      return;  // the process may not have more: the caller and those that are there do the work
    }
    ++helpers_;
  }
}

void ThreadTeam::help_forever(int number) {
  ReadAhead next{};
  for (std::uint32_t last = 0;;) {
    last = wait_for_call(last, next);
    next = {};
    ++inside_;
    const Loop* loop = loop_;
    if (loop != nullptr && number < loop->threads) {
      loop->help(loop->self, number);
      if (number <= std::ssize(loop->next)) next = loop->next[static_cast<std::size_t>(number - 1)];
    }
    --inside_;
  }
}

std::uint32_t ThreadTeam::wait_for_call(std::uint32_t last, const ReadAhead& next) const {
  const auto called = [&] { return calls_.load(std::memory_order_relaxed) != last; };
  bring_near(next, called);
  if (!pause_until(called)) {
    const Clock::time_point tired = Clock::now() + kBeforeSleep;
    while (!called()) {
      if (Clock::now() > tired) {
        calls_.wait(last);
      } else {
        sched_yield();
      }
    }
  }
  return calls_.load();
}

}  // namespace bantam::threads_detail
