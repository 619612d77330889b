#include "bantam/base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace bantam {
namespace {

class Recorder final : public ProgressSink {
 public:
  std::vector<std::string> events;
  void begin(std::string_view title, double, std::string_view) override {
    events.emplace_back(title);
  }
  void advance(double, const std::vector<std::pair<std::string, double>>&) override {
    events.emplace_back("advance");
  }
  void end() override { events.emplace_back("end"); }
  void note(std::string_view text) override { events.emplace_back(text); }
};

TEST(ProgressPhase, EndsWhenItsScopeIsLeftByException) {
  Recorder recorder;
  try {
    ProgressPhase phase(recorder, "work", 3, "rows");
    phase.advance(1);
    throw std::runtime_error("stop");
  } catch (const std::runtime_error&) {
  }
  EXPECT_THAT(recorder.events, testing::ElementsAre("work", "advance", "end"));
}

TEST(Interrupt, RemembersTheSignalUntilReset) {
  EXPECT_EQ(Interrupt::requested(), 0);
  Interrupt::request(15);
  EXPECT_EQ(Interrupt::requested(), 15);
  Interrupt::reset();
  EXPECT_EQ(Interrupt::requested(), 0);
}

}  // namespace
}  // namespace bantam
