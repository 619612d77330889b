// Progress on stderr: one live line on a terminal, a line every ten seconds in a log, nothing when
// quiet.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "bantam/base/progress.h"

namespace bantam {

class TerminalProgress final : public ProgressSink {
 public:
  enum class Mode { live, lines, quiet };
  using Clock = std::chrono::steady_clock;

  explicit TerminalProgress(Mode mode);
  ~TerminalProgress() override;

  void begin(std::string_view title, double total, std::string_view unit) override;
  void advance(double done,
               const std::vector<std::pair<std::string, double>>& figures = {}) override;
  void end() override;
  void note(std::string_view text) override;

 private:
  struct Phase {
    std::string title, unit;
    double total = 0, done = 0;
    double first_done = 0;  // resumed work starts above zero; its past must not look fast
    bool advanced = false;
    Clock::time_point started, drawn;
    std::vector<std::pair<std::string, double>> figures;
    std::vector<double> losses;  // thinned to at most a few hundred
    std::size_t loss_stride = 1, losses_seen = 0;
  };
  void keep_loss(Phase& phase);
  std::string line(const Phase& phase, bool last) const;
  void draw(Phase& phase);
  void erase();

  const Mode mode_;
  const bool unicode_, color_;
  std::mutex mutex_;
  std::vector<Phase> phases_;
  bool line_shown_ = false;
};

}  // namespace bantam
