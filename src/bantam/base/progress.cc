#include "bantam/base/progress.h"

#include <atomic>

namespace bantam {

namespace {

class SilentProgress final : public ProgressSink {
 public:
  void begin(std::string_view, double, std::string_view) override {}
  void advance(double, const std::vector<std::pair<std::string, double>>&) override {}
  void end() override {}
  void note(std::string_view) override {}
};

std::atomic<int> requested_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "signal handlers may only touch such atomics");

}  // namespace

ProgressSink& silent_progress() {
  static SilentProgress sink;
  return sink;
}

void Interrupt::request(int signal) noexcept { requested_signal = signal; }
int Interrupt::requested() noexcept { return requested_signal; }
void Interrupt::reset() noexcept { requested_signal = 0; }

}  // namespace bantam
