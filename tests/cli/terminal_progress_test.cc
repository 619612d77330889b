#include "bantam/cli/terminal_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace bantam {
namespace {

using testing::HasSubstr;

template <class Work>
std::string stderr_of(TerminalProgress::Mode mode, Work&& work) {
  testing::internal::CaptureStderr();
  {
    TerminalProgress progress(mode);
    work(progress);
  }
  return testing::internal::GetCapturedStderr();
}

TEST(TerminalProgress, ALogGetsOneLineForAShortPhase) {
  const std::string text = stderr_of(TerminalProgress::Mode::lines, [](TerminalProgress& progress) {
    progress.begin("Scoring test rows", 689, "rows");
    for (int i = 1; i <= 689; ++i) progress.advance(i, {{"accuracy", 0.7512}});
    progress.end();
  });
  EXPECT_THAT(text, HasSubstr("Scoring test rows  689 rows"));
  EXPECT_THAT(text, HasSubstr("accuracy 0.7512"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(TerminalProgress, ATerminalSeesABarAndTheCurveOfTheLoss) {
  const std::string text = stderr_of(TerminalProgress::Mode::live, [](TerminalProgress& progress) {
    progress.begin("Training", 100, "steps");
    for (int i = 1; i <= 50; ++i) progress.advance(i, {{"loss", 3.0 - 0.02 * i}});
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    progress.advance(51, {{"loss", 1.98}});
    progress.note("the rate falls from here");
    progress.end();
  });
  EXPECT_THAT(text, HasSubstr("51/100 steps"));
  EXPECT_THAT(text, HasSubstr("loss 1.98"));
  EXPECT_THAT(text, HasSubstr("\r\x1b[Kthe rate falls from here\n"));
}

TEST(TerminalProgress, QuietIsSilent) {
  EXPECT_EQ(stderr_of(TerminalProgress::Mode::quiet,
                      [](TerminalProgress& progress) {
                        progress.begin("Training", 2, "steps");
                        progress.advance(1);
                        progress.note("a note");
                        progress.end();
                        progress.end();  // one too many is forgiven
                      }),
            "");
}

TEST(TerminalProgress, ShortInnerPhasesLeaveNoLine) {
  const std::string text = stderr_of(TerminalProgress::Mode::lines, [](TerminalProgress& progress) {
    progress.begin("Outer", 0, "");
    progress.begin("Inner", 10, "rows");
    progress.end();
    progress.end();
  });
  EXPECT_THAT(text, HasSubstr("Outer"));
  EXPECT_THAT(text, testing::Not(HasSubstr("Inner")));
}

TEST(TerminalProgress, ThousandsOfLossesStaySmall) {
  const std::string text = stderr_of(TerminalProgress::Mode::lines, [](TerminalProgress& progress) {
    progress.begin("Training", 0, "steps");
    for (int i = 0; i < 100'000; ++i) progress.advance(i, {{"loss", 1e-3 * i}});
    progress.end();
  });
  EXPECT_LT(text.size(), 300u);
}

}  // namespace
}  // namespace bantam
